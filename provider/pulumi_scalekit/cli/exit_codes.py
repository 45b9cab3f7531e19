"""What the command's exit codes mean, beside 0 (done), 1 (failed) and 2 (wrong usage)."""

from __future__ import annotations

from typing import Final

ATTENTION: Final = 3
"""Done, and there is something to act on: findings, differences, connectors that were left alone."""
INTERRUPTED: Final = 130
"""An interrupt ended the command: 128 and the number of the signal."""
