"""Projects of the native provider, on the Pulumi CLI."""

from __future__ import annotations

import pytest

from ..support.engines import Engine, find_faces

(NATIVE,) = (face for face in find_faces() if face.is_native)


@pytest.fixture
def engine() -> Engine:
    """The CLI with native resources; skipped, with the reason, where it is not there."""
    if NATIVE.missing:
        pytest.skip(NATIVE.missing)
    return NATIVE
