"""Where a client connects to: one environment's own URL, through the proxies of the machine, and nowhere else."""

from __future__ import annotations

import contextlib
import contextvars
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pulumi
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulumi_scalekit import local
from pulumi_scalekit.api.client import Client
from pulumi_scalekit.api.connectors import Connectors
from pulumi_scalekit.connector import warn_of_plain_secret
from pulumi_scalekit.errors import SettingsError, Unreachable
from pulumi_scalekit.local.grpc_bridge import make_certificate, tls_context
from pulumi_scalekit.settings import EXPLICIT, FLAGS, Flag, Settings, environment_url, read_settings

from .apps import SECRET

ENVIRON = {
    "SCALEKIT_ENVIRONMENT_URL": "https://env.example.com",
    "SCALEKIT_CLIENT_ID": "skc_1",
    "SCALEKIT_CLIENT_SECRET": SECRET,
}


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ("scalekit:environmentURL", "environmentUrl"),
        ("scalekit:environment_url", "environmentUrl"),
        ("scalekit:url", "environmentUrl"),
        ("environmentUrl", "environmentUrl"),
        ("scalekit:clientID", "clientId"),
        ("scalekit:clientid", "clientId"),
        ("scalekit:client-secret", "clientSecret"),
    ],
)
def test_a_misspelled_key_is_named(written: str, key: str) -> None:
    """Where a setting is missing, the message names the key that stands in the configuration instead, not its value."""
    said = _missing({written: "canary"})
    assert f"has {written}, which is not read: the key is scalekit:{key}. " in said
    assert (said.count("which is not read"), "canary" in said) == (1, False)
    assert "which is not read" not in _missing({})


def _missing(config: dict[str, str]) -> str:
    with pytest.raises(SettingsError) as raised:
        read_settings(config.get, {})
    return str(raised.value)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("https://env.example.com", "https://env.example.com"),
        ("  https://Env.Example.COM/ ", "https://env.example.com"),
        ("https://env.example.com:443", "https://env.example.com"),
        ("https://env.example.com:8443", "https://env.example.com:8443"),
        ("http://127.0.0.1:8787", "http://127.0.0.1:8787"),
        ("http://localhost:80/", "http://localhost"),
        ("http://[::1]:8787", "http://[::1]:8787"),
    ],
)
def test_an_environment_url_has_one_form(given: str, kept: str) -> None:
    """The same environment is recognised however its URL is written."""
    assert environment_url(given) == kept


@pytest.mark.parametrize(
    "url",
    [
        "",
        "env.example.com",
        "ftp://env.example.com",
        "http://env.example.com",
        "http://127.0.0.1.example.com",
        "http://0.0.0.0:80",
        "https://user:password@env.example.com",
        "https://env.example.com@evil.example.org",
        "https://env.example.com/api",
        "https://env.example.com?x=1",
        "https://env.example.com#x",
        "https://env.example.com:99999",
        "https://env..example.com",
        "https://-",
        "https://%65vil.example.org",
        "https://evil.example.org\\@env.example.com",
        "https://env.example.com\r\nX: 1",
        "https://env.exam\tple.com",
        "https://[::1",
        "https://[fe80::1%25eth0]",
        "https://1.2.3.4.5",
        "https://münchen.example.com",
        "https://" + "a" * 64 + ".com",
        "https://\x9b31m.com",
    ],
)
def test_what_is_no_base_url_is_refused(url: str) -> None:
    """With a message that is safe to print and holds no password."""
    with pytest.raises(SettingsError) as caught:
        environment_url(url)
    assert str(caught.value).isprintable()
    assert "password" not in str(caught.value)


@pytest.mark.parametrize(
    ("environ", "config", "says"),
    [
        (
            {"SCALEKIT_ENVIRONMENT_URL": "a.scalekit.dev"},
            {},
            ", not a.scalekit.dev. It is set by SCALEKIT_ENVIRONMENT",
        ),
        (
            {"SCALEKIT_ENVIRONMENT_URL": "", "SCALEKIT_ENV_URL": "https://a.dev/x?k=canary"},
            {},
            ", not https://a.dev/x. It is set by SCALEKIT_ENV_URL",
        ),
        (
            {"SCALEKIT_ENVIRONMENT_URL": "https://me:canary@a.dev"},
            {},
            ", not https://****@a.dev. It is set by",
        ),
        (
            {"SCALEKIT_ENVIRONMENT_URL": "test_canary"},
            {},
            "scalekit.dev. It is set by SCALEKIT_ENVIRONMENT_URL",
        ),
        ({}, {"environmentUrl": "a.dev"}, ", not a.dev. It is set by scalekit:environmentUrl in the stack's"),
        (
            {},
            {"environmentUrl": "a.dev", EXPLICIT: "true"},
            ", not a.dev. It is set by the provider's arguments",
        ),
        ({"SCALEKIT_FORMER_ENVIRONMENT_URL": "a.dev"}, {}, "It is set by SCALEKIT_FORMER_ENVIRONMENT_URL"),
    ],
)
def test_a_wrong_url_is_named_with_its_setting(
    environ: dict[str, str], config: dict[str, str], says: str
) -> None:
    """The message has the value, as far as that looks like a URL and may be shown, and where it is set."""
    with pytest.raises(SettingsError) as caught:
        read_settings(lambda key: config.get(key.removeprefix("scalekit:")), ENVIRON | environ)
    assert says in str(caught.value)
    assert "canary" not in str(caught.value)


PIECE = st.sampled_from(
    ["https://", "http://", "a", "b.c", ":", "@", "/", "%", "[", "]", "::1", "8", ".", "\\", "#"]
)


@given(
    st.lists(PIECE | st.text(max_size=3), max_size=8).map("".join)
    | st.text(max_size=30).map("https://{}".format)
)
def test_any_text_is_refused_or_a_url_that_works(text: str) -> None:
    """What passes is accepted by the HTTP library too, with the very same host, and stays as it is."""
    try:
        url = environment_url(text)
    except SettingsError as error:
        assert str(error).isprintable()  # noqa: PT017 - half of what is tested
        return
    assert environment_url(url) == url
    with Client(Settings(url, "a", "b")) as client:
        request = client._http.build_request("GET", "/x")
        assert f"{request.url.scheme}://{request.url.netloc.decode()}" == url


@pytest.mark.parametrize("name", ["SCALEKIT_CLIENT_ID", "SCALEKIT_CLIENT_SECRET"])
@pytest.mark.parametrize("value", ["can\nary", "can\x00ary", "can\udce4ary", "can\x1b[2Jary"])
def test_credentials_must_be_printable(name: str, value: str) -> None:
    """A secret that was copied wrongly is named, and not shown."""
    with pytest.raises(SettingsError, match="characters that cannot be printed") as caught:
        read_settings(environ={**ENVIRON, name: value})
    assert "ary" not in str(caught.value)


@pytest.mark.parametrize("flag", FLAGS, ids=lambda flag: flag.key)
def test_a_flag_is_true_or_false(flag: Flag) -> None:
    """Each is off unless it is set to true; anything but true and false is refused, with both places to set it."""
    assert getattr(read_settings(environ=ENVIRON), flag.attribute) is False
    assert getattr(read_settings(environ={**ENVIRON, flag.variable: "True"}), flag.attribute) is True
    with pytest.raises(SettingsError, match=f"scalekit:{flag.key} .{flag.variable}. must be true or false"):
        read_settings({f"scalekit:{flag.key}": "yes"}.get, ENVIRON)


@pytest.mark.parametrize(
    ("client", "explicit", "secret"),
    [
        (None, False, "of the shell"),
        (None, True, "configured"),
        ("skc_other", False, "configured"),
        ("skc_one", True, "of the shell"),
    ],
)
def test_the_secret_of_the_shell_is_for_its_own_client(
    client: str | None, explicit: bool, secret: str
) -> None:
    """SCALEKIT_CLIENT_SECRET counts for the client that it belongs to; an explicit provider wants that said."""
    config = {
        "scalekit:environmentUrl": "https://one.scalekit.dev",
        "scalekit:clientId": "skc_one",
        "scalekit:clientSecret": "configured",
        **({f"scalekit:{EXPLICIT}": "true"} if explicit else {}),
    }
    environ = {"SCALEKIT_CLIENT_SECRET": "of the shell", **({"SCALEKIT_CLIENT_ID": client} if client else {})}
    assert read_settings(config.get, environ).client_secret == secret


def test_settings_do_not_show_the_secret() -> None:
    """Neither their representation nor that of the client has it."""
    settings = read_settings(environ=ENVIRON)
    with Client(settings) as client:
        assert SECRET not in f"{settings!r} {settings} {client!r} {client.__dict__!r}"


@pytest.mark.parametrize(("secret_keys", "warnings"), [([], 1), (["scalekit:clientSecret"], 0)])
def test_a_client_secret_in_plain_text_is_told_once(
    monkeypatch: pytest.MonkeyPatch, secret_keys: list[str], warnings: int
) -> None:
    """A program warns of one that Pulumi would keep in the state as it is, without showing it."""
    said: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", said.append)

    def program() -> None:
        pulumi.runtime.set_all_config({"scalekit:clientSecret": SECRET}, secret_keys)
        for _ in range(3):
            warn_of_plain_secret()

    warn_of_plain_secret.cache_clear()
    contextvars.copy_context().run(program)
    warn_of_plain_secret.cache_clear()
    assert len(said) == warnings
    assert SECRET not in str(said)


@contextlib.contextmanager
def forbidding_proxy() -> Iterator[tuple[str, list[bytes]]]:
    """An HTTP proxy that notes what it is asked for, and forbids it."""
    asked: list[bytes] = []

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with connection:
                    asked.append(connection.recv(65536))
                    connection.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", asked
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(timeout=5)


def test_a_proxy_of_the_machine_is_used_and_sees_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked for a tunnel, through which the encrypted connection goes; its refusal reads as unreachable."""
    with forbidding_proxy() as (url, asked):
        monkeypatch.setenv("HTTPS_PROXY", url)
        settings = Settings("https://env.example.com", "skc_1", SECRET, attempts=2, backoff=0)
        with Client(settings) as client, pytest.raises(Unreachable, match="and any proxy"):
            client.call("x", "GET", "/x")
    assert len(asked) == 2
    for head in asked:
        assert head.startswith(b"CONNECT env.example.com:443 ")
        assert b"canary" not in head
        assert b"uthorization" not in head


def test_a_local_environment_needs_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy that is set for the outside world is left out for this machine's own servers."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with contextlib.ExitStack() as stack:
        scalekit = stack.enter_context(local.running())
        settings = Settings(scalekit.url, scalekit.client_id, scalekit.client_secret)
        client = stack.enter_context(Client(settings))
        assert Connectors(client).listed() == []


def test_the_certificates_of_a_local_environment_count(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """`https://localhost` leaves out proxies, and trusts the authority that SSL_CERT_FILE names."""
    certificate, key = make_certificate()
    authority = tmp_path / "authority.pem"
    authority.write_bytes(certificate)
    context = tls_context(certificate, key)
    context.set_alpn_protocols(["http/1.1"])
    body = b'{"access_token": "t", "expires_in": 60, "providers": []}'

    def serve() -> None:
        while True:
            with contextlib.suppress(ssl.SSLError):
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with context.wrap_socket(connection, server_side=True) as secured:
                    while secured.recv(65536):
                        secured.sendall(
                            b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
                        )

    def listed() -> list[dict[str, Any]]:
        url = f"https://localhost:{listener.getsockname()[1]}"
        with Client(Settings(url, "a", "b", attempts=1)) as client:
            return Connectors(client).listed()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        with pytest.raises(Unreachable):
            listed()
        monkeypatch.setenv("SSL_CERT_FILE", str(authority))
        assert listed() == []
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(timeout=5)


@pytest.mark.parametrize(
    "proxy", ["gopher://user:canary@p", "http://user:canary@p:port", "socks5://user:canary@p"]
)
def test_a_proxy_that_cannot_be_used_is_named_without_its_password(
    monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    """The message names the variables to look at."""
    monkeypatch.setenv("ALL_PROXY", proxy)
    with pytest.raises(SettingsError, match="check the proxy in HTTPS_PROXY or ALL_PROXY") as caught:
        Client(Settings("https://env.example.com", "a", "b"))
    assert "canary" not in str(caught.value)
    assert caught.value.__cause__ is None
