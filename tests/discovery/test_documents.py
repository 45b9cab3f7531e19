"""Reading documents from files."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest
import yaml

from pulumi_scalekit.discovery import DiscoveryError, Overrides, Source, load_document
from pulumi_scalekit.discovery import documents as module
from pulumi_scalekit.discovery.issuers import issuer
from pulumi_scalekit.discovery.schemes import read_schemes

from .documents import BEARER, discover, openapi


def test_json_and_yaml_mean_the_same(tmp_path: Path) -> None:
    """A document is read from JSON, with a byte-order mark too, and from YAML."""
    document = openapi({"a": BEARER})
    (tmp_path / "a.json").write_text("\ufeff" + json.dumps(document), encoding="utf-8")
    (tmp_path / "a.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")
    assert load_document(tmp_path / "a.json") == load_document(tmp_path / "a.yaml") == document


def test_words_of_older_yaml(tmp_path: Path) -> None:
    """What YAML 1.1 has special types for, and OpenAPI has not, stays a string."""
    text = "openapi: 3.0.0\ninfo: {title: Acme, version: 2024-13-45, description: =}\nx-day: 2024-01-31\n"
    (tmp_path / "a.yaml").write_text(text, encoding="utf-8")
    document = load_document(tmp_path / "a.yaml")
    assert (document["info"]["version"], document["info"]["description"]) == ("2024-13-45", "=")
    assert document["x-day"] == "2024-01-31"


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    """`-` reads standard input."""
    content = io.BytesIO(json.dumps(openapi()).encode())
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(content))
    assert load_document("-")["openapi"] == "3.0.3"


REFUSED = {
    "no JSON": ('{"openapi": "3.0.0"', "not valid JSON"),
    "no YAML": ("openapi: 3.0.0\n  x: [", "not valid YAML.*line 2"),
    "a list": ("[]", "not a mapping"),
    "a word": ("hello", "not a mapping"),
    "something else": ("{}", "neither openapi nor swagger"),
    "old": ('{"swagger": "1.2"}', "older than 2.0"),
    "new": ('{"openapi": "4.0.0"}', "version 4.0.0"),
    "Postman": ('{"info": {"_postman_id": "1"}, "item": []}', "Postman"),
    "AsyncAPI": ('{"asyncapi": "2.0.0"}', "AsyncAPI"),
    "tag that would run code": ("openapi: !!python/object/apply:os.getcwd []", "not valid YAML"),
    "deep": ("[" * 100_000, "nested too deeply|not valid"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str, tmp_path: Path) -> None:
    """What is not an API document is refused with a message that says what it is."""
    text, message = REFUSED[name]
    (tmp_path / "file").write_text(text, encoding="utf-8")
    with pytest.raises(DiscoveryError, match=message):
        load_document(tmp_path / "file")


@pytest.mark.parametrize("value", ["!!int", '!!float ""', "!!bool perhaps"])
def test_a_value_that_does_not_fit_its_tag(value: str, tmp_path: Path) -> None:
    """A YAML value that is not of the type that its tag names is refused in one sentence."""
    path = tmp_path / "api.yaml"
    path.write_text(f"openapi: 3.0.3\nx-value: {value}\n")
    with pytest.raises(DiscoveryError, match="is not a value of the type"):
        load_document(path)


def test_unreadable(tmp_path: Path) -> None:
    """Files that are not there, are no text or are too large are refused."""
    with pytest.raises(DiscoveryError, match="No such file"):
        load_document(tmp_path / "none")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(DiscoveryError, match="UTF-8"):
        load_document(tmp_path / "binary")


def test_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file above the limit is not parsed."""
    monkeypatch.setattr(module, "LIMIT", 10)
    (tmp_path / "file").write_text(json.dumps(openapi()), encoding="utf-8")
    with pytest.raises(DiscoveryError, match="larger than"):
        load_document(tmp_path / "file")


def test_aliases_do_not_multiply(tmp_path: Path) -> None:
    """YAML whose aliases would unfold to billions of nodes is read without unfolding them."""
    bomb = "a0: &a0 [x, x]\n" + "".join(
        f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 12)
    )
    (tmp_path / "file").write_text(f"openapi: 3.0.0\ninfo: {{title: Acme}}\n{bomb}", encoding="utf-8")
    result = discover(Source(load_document(tmp_path / "file")), Overrides())
    assert result.definition["display_name"] == "Acme"


def test_references_in_circles() -> None:
    """References that lead nowhere or around in circles count as nothing."""
    document = openapi()
    document["components"]["securitySchemes"] = {
        "circle": {"$ref": "#/components/securitySchemes/circle"},
        "nowhere": {"$ref": "#/nowhere"},
        "there": {"$ref": "#/components/x-schemes/real~1one"},
    }
    document["components"]["x-schemes"] = {"real/one": BEARER}
    result = discover(Source(document), Overrides())
    assert result.definition["auth_patterns"][0]["type"] == "BEARER"


def test_schemes_in_files_beside_the_document(tmp_path: Path) -> None:
    """Security schemes in files below the document's directory are read."""
    document = openapi({"a": {"$ref": "schemes/bearer.yaml"}, "b": {"$ref": "schemes/all.yaml#/basic"}})
    (tmp_path / "schemes").mkdir()
    (tmp_path / "schemes" / "bearer.yaml").write_text("type: http\nscheme: bearer\n", encoding="utf-8")
    (tmp_path / "schemes" / "all.yaml").write_text("basic: {type: http, scheme: basic}\n", encoding="utf-8")
    (tmp_path / "openapi.json").write_text(json.dumps(document), encoding="utf-8")
    result = discover(Source(load_document(tmp_path / "openapi.json")), Overrides())
    assert {choice.name: choice.type for choice in result.choices} == {"a": "BEARER", "b": "BASIC"}


def test_paths_in_files_beside_the_document(tmp_path: Path) -> None:
    """What the operations demand, return and refer to is read from files, too, whichever file refers to which."""
    document = openapi(
        {"user": BEARER, "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"}},
        paths={
            "/notes": {"$ref": "paths/notes.yaml"},
            "/login": {"$ref": "./paths/notes.yaml#/x-login"},
            "/broken": {"$ref": "paths/broken.yaml"},
        },
    )
    document["servers"] = {"$ref": "servers.yml"}
    (tmp_path / "servers.yml").write_text("- url: https://api.acme.io/v7\n", encoding="utf-8")
    document["components"]["parameters"] = {
        "tenant": {"in": "header", "name": "X-Tenant-Id", "required": True}
    }
    (tmp_path / "paths").mkdir()
    (tmp_path / "models").mkdir()
    (tmp_path / "paths" / "broken.yaml").write_text("get: [", encoding="utf-8")
    (tmp_path / "paths" / "notes.yaml").write_text(
        "get:\n"
        "  security: [{key: []}]\n"
        "  parameters: [{$ref: '../openapi.json#/components/parameters/tenant'}]\n"
        "put:\n"
        "  security: [{key: []}]\n"
        "  parameters: [{$ref: '#/x-tenant'}]\n"
        "x-tenant: {in: header, name: X-Tenant-Id, required: true}\n"
        "x-login: {$ref: '../models/login.json'}\n",
        encoding="utf-8",
    )
    again = {"properties": {"token": {}, "friend": {"$ref": "login.json#/x-user"}}}
    login = {
        "post": {
            "security": [],
            "parameters": [{"$ref": "../openapi.json#/components/parameters/tenant"}],
            "responses": {"200": {"content": {"a": {"schema": {"$ref": "#/x-user"}}}}},
        },
        "x-user": again,
    }
    (tmp_path / "models" / "login.json").write_text(json.dumps(login), encoding="utf-8")
    (tmp_path / "openapi.json").write_text(json.dumps(document), encoding="utf-8")
    read = load_document(tmp_path / "openapi.json")
    result = discover(Source(read), Overrides())
    assert result.definition["proxy_url"] == "https://api.acme.io/v7"
    (pattern,) = result.definition["auth_patterns"]
    assert [field["header_name"] for field in pattern["fields"]] == ["X-API-Key", "X-Tenant-Id"]
    assert issuer(read, read_schemes(read), read_schemes(read)["user"]) == "/login"


@pytest.mark.parametrize(
    "reference", ["../secret.yaml", "/etc/hostname", "file:///etc/hostname", "https://acme.io/x"]
)
def test_files_elsewhere_are_not_read(reference: str, tmp_path: Path) -> None:
    """A document cannot make the command read files outside its own directory, nor fetch anything."""
    (tmp_path / "secret.yaml").write_text("type: http\nscheme: bearer\n", encoding="utf-8")
    inner = tmp_path / "inner"
    inner.mkdir()
    (inner / "openapi.json").write_text(json.dumps(openapi({"a": {"$ref": reference}})), encoding="utf-8")
    result = discover(Source(load_document(inner / "openapi.json")), Overrides())
    assert result.definition["auth_patterns"] == []
    assert "bundle" in result.missing[0].text
