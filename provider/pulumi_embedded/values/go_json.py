"""JSON, character by character as Go writes it: what is encrypted, and what a program gets as configuration."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any

_ESCAPED = re.compile("[<>&\u2028\u2029]")


def dump_go_json(value: Any) -> str:
    r"""Write JSON with sorted keys, no blanks, and escapes for what is special in HTML.

    >>> dump_go_json({"b": 1.0, "a": ["<", 1e-7, None]})
    '{"a":["\\u003c",1e-7,null],"b":1}'
    """
    if isinstance(value, dict):
        return (
            "{" + ",".join(f"{dump_go_json(key)}:{dump_go_json(value[key])}" for key in sorted(value)) + "}"
        )
    if isinstance(value, list):
        return "[" + ",".join(dump_go_json(item) for item in value) + "]"
    if isinstance(value, float):
        return _number(value)
    text = json.dumps(value, ensure_ascii=False)
    return _ESCAPED.sub(lambda found: f"\\u{ord(found.group()):04x}", text)


def _number(value: float) -> str:
    """Write a number without a needless point, and with an exponent if it is very large or very small."""
    if value and not 1e-6 <= abs(value) < 1e21:
        return re.sub(r"e([-+])0?", r"e\1", repr(value).replace(".0e", "e"))
    return f"{Decimal(repr(value)):f}".removesuffix(".0")
