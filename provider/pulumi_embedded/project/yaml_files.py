"""Reading and writing YAML as the CLI does: with the types of YAML 1.2, and what it keeps of older versions."""

from __future__ import annotations

import json
import math
import re
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from pulumi_embedded.errors import ConfigurationError


def load_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML file whose top is a mapping; an absent or empty file is an empty one.

    Raises:
        ConfigurationError: the file is not valid YAML, or not a mapping.
    """
    try:
        return parse_yaml(path.read_text(encoding="utf-8"), path)
    except FileNotFoundError:
        return {}
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path} is not valid YAML: {error}") from None


def parse_yaml(text: str, path: Path) -> dict[str, Any]:
    """Read the text of a YAML file whose top is a mapping; an empty text is an empty one.

    Args:
        text: what stands, or will stand, in the file.
        path: the file, for messages.

    Raises:
        ConfigurationError: the text is not valid YAML, not a mapping, or has what JSON does not, such as a NaN.
    """
    try:
        document = yaml.load(text, Loader=_Loader)  # noqa: S506 - a subclass of the safe one
        json.dumps(document, allow_nan=False)  # the form in which the CLI and the program get it
    except (yaml.YAMLError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise ConfigurationError(f"{path} is not valid YAML: {error}") from None
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise ConfigurationError(f"{path} must be a mapping")
    return document


def dump_yaml(document: dict[str, Any]) -> str:
    """Write a mapping so that `parse_yaml` reads the same one: a text that looks like a number is quoted."""
    return yaml.dump(
        document, Dumper=_Dumper, default_flow_style=False, sort_keys=False, allow_unicode=True, width=1 << 20
    )


class _Loader(yaml.SafeLoader):
    """`yes`, `1:30` and keys are text, `1e6` is a number, a date becomes the text that the CLI makes of it."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002
        found = super().construct_mapping(node, deep=deep)
        return {key if isinstance(key, str) else json.dumps(key): value for key, value in found.items()}

    def construct_number(self, node: yaml.ScalarNode) -> int | float:
        text = str(self.construct_scalar(node)).replace("_", "")
        sign, digits = (-1, text[1:]) if text.startswith("-") else (1, text.removeprefix("+"))
        base = {"0x": 16, "0b": 2, "0o": 8}.get(digits[:2].lower())
        if base is not None:
            number = sign * int(digits[2:], base)
        else:
            number = sign * int(digits, 8 if digits.startswith("0") else 10)
        return number if -(2**63) <= number < 2**64 else float(number)

    def construct_real(self, node: yaml.ScalarNode) -> float | str:
        text = str(self.construct_scalar(node))
        number = float(text.replace("_", "").lower().replace(".inf", "inf").replace(".nan", "nan"))
        return text if math.isinf(number) and "inf" not in text.lower() else number

    def construct_time(self, node: yaml.ScalarNode) -> str:
        time = datetime.fromisoformat(str(self.construct_scalar(node)).replace("t", "T"))
        offset = time.strftime("%z") or "+0000"
        zone = "UTC" if offset == "+0000" else offset
        fraction = f".{time.microsecond:06d}".rstrip("0") if time.microsecond else ""
        return f"{time:%Y-%m-%d %H:%M:%S}{fraction} {offset} {zone}"


_INTEGER = r"[-+]?(0[xX][0-9a-fA-F_]+|0[bB][01_]+|0[oO]?[0-7_]+|[1-9][0-9_]*|0)"
_FLOAT = r"[-+]?(\.[0-9]+|[0-9_]+(\.[0-9_]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"
_TIME = r"\d{4}-\d\d-\d\d([Tt ]\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[-+]\d\d:\d\d)?)?"
_ODD_BREAK = re.compile("[\x85\u2028\u2029]")


class _Dumper(yaml.SafeDumper):
    """Quotes what any version of YAML takes for something else than text, and escapes the breaks of Unicode."""

    def represent_text(self, text: str) -> yaml.ScalarNode:
        style = '"' if _ODD_BREAK.search(text) else None
        return self.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _Dumper.represent_text)
_Dumper.yaml_implicit_resolvers = {
    character: list(found) for character, found in yaml.SafeDumper.yaml_implicit_resolvers.items()
}
_Loader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("bool", "true|True|TRUE|false|False|FALSE", "tTfF"),
    ("null", "~|null|Null|NULL|", ("~", "n", "N", "")),
    ("int", _INTEGER, "-+0123456789"),
    ("float", _FLOAT, "-+.0123456789"),
    ("timestamp", _TIME, "0123456789"),
    ("merge", "<<", "<"),
):
    for _character in _first:
        for _resolvers in (_Loader.yaml_implicit_resolvers, _Dumper.yaml_implicit_resolvers):
            _resolvers.setdefault(_character, []).append(
                (f"tag:yaml.org,2002:{_tag}", re.compile(rf"(?:{_pattern})\Z"))
            )
_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.construct_number)
_Loader.add_constructor("tag:yaml.org,2002:float", _Loader.construct_real)
_Loader.add_constructor("tag:yaml.org,2002:timestamp", _Loader.construct_time)
