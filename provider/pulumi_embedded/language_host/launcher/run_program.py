# ruff: noqa: PTH100, PTH110, PTH112, PTH118, PTH122 - the program is to find little imported but what it needs
"""Runs a Pulumi program against a resource monitor. The engine starts this file in a process of its own.

It stands alone with the watchdog, and imports nothing else of the engine, so that the program sees no modules but its
own and those that are installed.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import runpy
import signal
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor

from watchdog import end_with_the_engine  # type: ignore[import-not-found]  # beside this file, not installed

SHOWN_EXIT_CODE = 32


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser()
    for name in ("monitor", "engine", "project", "root-directory", "stack", "organization"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--parallel", type=int, required=True)
    parser.add_argument("--dry-run", choices=("true", "false"), required=True)
    parser.add_argument("program")
    return parser.parse_args()


def source_file(program: str) -> str:
    """Return the file that a program named by a folder or a file begins in."""
    return os.path.abspath(program if os.path.splitext(program)[1] else os.path.join(program, "__main__.py"))


def user_traceback(error: BaseException, program: str) -> str:
    """Format the error from the program's own first frame on."""
    frames = traceback.extract_tb(error.__traceback__)
    own = source_file(program)
    for position, frame in enumerate(frames):
        if os.path.abspath(frame.filename) == own:
            return "".join(
                traceback.format_exception(
                    type(error), error, error.__traceback__, limit=position - len(frames)
                )
            )
    return "".join(traceback.format_exception(type(error), error, error.__traceback__))


def main() -> int:
    """Run the program; returns the exit code."""
    arguments = parse()
    end_with_the_engine()
    # The engine interrupts a program that it is done with: nothing to tell the user, and nothing to wait for.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    # The folder of this file is nothing to the program.
    sys.path.pop(0)
    import pulumi
    import pulumi.runtime

    pulumi.runtime.set_all_config(
        pulumi.runtime.get_config_env(), pulumi.runtime.get_config_secret_keys_env()
    )
    pulumi.runtime.configure(
        pulumi.runtime.Settings(
            project=arguments.project,
            stack=arguments.stack,
            parallel=arguments.parallel,
            monitor=arguments.monitor,
            engine=arguments.engine,
            dry_run=arguments.dry_run == "true",
            organization=arguments.organization,
            root_directory=arguments.root_directory,
        )
    )
    sys.argv = [arguments.program]
    # A program that fails leaves futures that nobody will ask for; that need not be told.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    threads = ThreadPoolExecutor(max_workers=max(arguments.parallel, 1) * 4)
    loop.set_default_executor(threads)

    def run() -> None:
        if os.path.isdir(arguments.program) and not os.path.exists(source_file(arguments.program)):
            folder = os.path.abspath(arguments.program)
            pulumi.log.error(f"unable to find main python program `__main__.py` in `{folder}`")
            sys.exit(SHOWN_EXIT_CODE)
        runpy.run_path(arguments.program, run_name="__main__")

    try:
        loop.run_until_complete(pulumi.runtime.run_in_stack(run))
    except pulumi.RunError as error:
        pulumi.log.error(str(error))
        return 1
    except Exception as error:  # noqa: BLE001 - whatever a program raises is shown to its author
        text = user_traceback(error, arguments.program)
        pulumi.log.error(f"Program failed with an unhandled exception:\n{text}")
        return SHOWN_EXIT_CODE
    finally:
        threads.shutdown(wait=True)
        loop.close()
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
