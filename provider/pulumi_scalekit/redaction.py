"""Keeps a client's secrets out of what a server says."""

from __future__ import annotations

import json
import threading
from urllib.parse import quote, quote_plus

SHOWN_INSTEAD = "[secret]"


class Redaction:
    """Replaces secrets in texts: as they are, and as forms, URLs and JSON write them. Threads may share it."""

    def __init__(self, *secrets: str) -> None:
        self._lock = threading.Lock()
        self._forms: tuple[str, ...] = ()
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
            # A form may be part of another one: the longest goes first.
            self._forms = tuple(sorted({*self._forms, *forms}, key=len, reverse=True))

    def __call__(self, text: str) -> str:
        """The text without the secrets."""
        for form in self._forms:
            text = text.replace(form, SHOWN_INSTEAD)
        return text
