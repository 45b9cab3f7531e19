"""One environment for all tests of a module that make names of their own."""

from __future__ import annotations

import ssl
from collections.abc import Iterator

import pytest

from pulumi_scalekit import local
from pulumi_scalekit.local import LocalScalekit


@pytest.fixture(scope="module")
def shared() -> Iterator[LocalScalekit]:
    """An environment that the examples of a property test share."""
    with local.running() as running, pytest.MonkeyPatch.context() as patch:
        # Every example opens clients. None of them speaks TLS, and loading the authorities takes the most time.
        patch.setattr(ssl.SSLContext, "load_verify_locations", lambda *_args, **_kwargs: None)
        yield running
