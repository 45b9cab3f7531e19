"""Runs the SDK's provider of dynamic resources as `python -m pulumi.dynamic` does, until the engine ends."""

import os
import runpy
import sys

from watchdog import end_with_the_engine  # type: ignore[import-not-found]  # beside this file, not installed

if __name__ == "__main__":
    end_with_the_engine()
    sys.path[0] = os.getcwd()  # noqa: PTH109 - the provider is to find little imported but what it needs
    runpy.run_module("pulumi.dynamic", run_name="__main__", alter_sys=True)
