"""Makes text from elsewhere fit to be shown: without secrets, on one printable line of bounded length.

What a server says is text of others. Shown as it is, it could drive a terminal, fill it, or look like a line of ours.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final
from urllib.parse import quote, quote_plus

SHOWN_INSTEAD: Final = "[secret]"
MAX_TEXT: Final = 500
"""Characters of a server's message that are shown at most."""
_WORD = re.compile(r"[\w.:/+=%~-]+$")


def printable(value: object, *, maximum: int = MAX_TEXT) -> str:
    r"""One printable line of bounded length from whatever a server sent; "" from what is not text.

    Control characters, escape sequences, line breaks and marks of text direction become spaces. What is too long
    is cut before a word, since half of a secret value would not be recognised as one, and ends with "…".

    >>> printable("evil\x1b[2J name")
    'evil [2J name'
    """
    if not isinstance(value, str):
        return ""
    line = "".join(char if char.isprintable() else " " for char in value[: 4 * maximum])
    line = " ".join(line.split())
    if len(value) <= 4 * maximum and len(line) <= maximum:
        return line
    return _WORD.sub("", line[:maximum]).rstrip() + "…"


_SHORT: Final = 4
"""Characters from which on a secret is replaced inside of longer words too."""


_also: ContextVar[Redaction | None] = ContextVar("also", default=None)


@contextmanager
def also_hiding(redaction: Redaction) -> Iterator[None]:
    """Let every other redaction hide, in the block, what one hides.

    So what a server repeats of a secret is hidden before the text is folded and cut, and would not be recognised.
    """
    token = _also.set(redaction)
    try:
        yield
    finally:
        _also.reset(token)


class Redaction:
    """Replaces secrets in texts: as they are, and as forms, URLs and JSON write them. Threads may share it."""

    def __init__(self, *secrets: str) -> None:
        self._lock = threading.Lock()
        self._forms: frozenset[str] = frozenset()
        for secret in secrets:
            self.hide(secret)

    def hide(self, secret: str) -> None:
        """Hide one more secret from now on."""
        forms = {
            secret,
            quote(secret),
            quote(secret, safe=""),
            quote_plus(secret),
            json.dumps(secret)[1:-1],
            json.dumps(secret, ensure_ascii=False)[1:-1],
        } - {""}
        with self._lock:
            self._forms |= forms

    def __call__(self, text: str) -> str:
        """The text without the secrets."""
        also = _also.get()
        forms = self._forms | also._forms if also else self._forms
        # A form may be part of another one: the longest goes first.
        for form in sorted(forms, key=len, reverse=True):
            if len(form) < _SHORT:
                # Part of a longer word, it is that word and not the secret.
                text = re.sub(rf"(?<!\w){re.escape(form)}(?!\w)", SHOWN_INSTEAD, text)
            else:
                text = text.replace(form, SHOWN_INSTEAD)
        return text
