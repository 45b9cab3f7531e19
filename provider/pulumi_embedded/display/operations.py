"""How each kind of step is shown: its sign, its colour, and its words before, during and after."""

from __future__ import annotations

from typing import NamedTuple

from pulumi_embedded.engine.steps import Op


class Look(NamedTuple):
    """What users see of a kind of step: `+ create`, `creating`, `created`, in a colour."""

    sign: str
    style: str
    planned: str
    doing: str
    done: str


LOOKS = {
    Op.SAME: Look("  ", "", "same", "checking", "unchanged"),
    Op.CREATE: Look("+ ", "green", "create", "creating", "created"),
    Op.UPDATE: Look("~ ", "yellow", "update", "updating", "updated"),
    Op.DELETE: Look("- ", "red", "delete", "deleting", "deleted"),
    Op.REPLACE: Look("+-", "magenta", "replace", "replacing", "replaced"),
    Op.CREATE_REPLACEMENT: Look(
        "++", "green", "create replacement", "creating replacement", "created replacement"
    ),
    Op.DELETE_REPLACED: Look("--", "red", "delete original", "deleting original", "deleted original"),
    Op.READ: Look("> ", "cyan", "read", "reading", "read"),
    Op.READ_REPLACEMENT: Look(">>", "cyan", "read replacement", "reading replacement", "read replacement"),
    Op.REFRESH: Look("~ ", "yellow", "refresh", "refreshing", "refreshed"),
    Op.DISCARD: Look("< ", "red", "discard", "discarding", "discarded"),
    Op.DISCARD_REPLACED: Look("<<", "red", "discard original", "discarding original", "discarded original"),
}
"""The kinds of step that are shown; `remove-pending-replace` is not."""

SUMMARY_ORDER = (Op.CREATE, Op.UPDATE, Op.DELETE, Op.REPLACE, Op.READ, Op.DISCARD)
"""The kinds that the summary counts, in its order."""
