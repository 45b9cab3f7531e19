"""The official Python SDK, unchanged, against the local Scalekit: over HTTP and over gRPC."""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pytest

from pulumi_scalekit import local

from .conftest import Runtime, Upstream, static, upstream_server

scalekit = pytest.importorskip(
    "scalekit", reason="the official SDK is not installed: pip install scalekit-sdk-python"
)

PATTERN = {"type": "API_KEY", "fields": [{"field_name": "api_key"}], "auth_header_key_override": "X-Key"}


def client(runtime: Runtime, secret: str = "local-secret"):
    """Return the SDK's client, made as its documentation does."""
    return scalekit.ScalekitClient(env_url=runtime.scalekit.url, client_id="skc_local", client_secret=secret)


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_request_reaches_the_upstream(runtime: Runtime, method: str) -> None:
    """`actions.request` goes through Tool Proxy with the account's credential injected."""
    runtime.set_up(PATTERN, static(api_key="k"))
    answer = client(runtime).actions.request(
        connection_name="under-test",
        identifier="user_1",
        path="/v1/customers",
        method=method,
        query_params={"page": 2},
        headers={"X-Trace": "1"},
    )
    assert answer.status_code == 200
    last = runtime.upstream.last
    assert (last.method, last.target) == (method, "/v1/customers?page=2")
    assert (last.header("x-key"), last.header("x-trace")) == (["k"], ["1"])
    assert last.header("authorization") == []


@pytest.mark.parametrize(
    ("options", "body", "content_type"),
    [
        ({"body": {"name": "x"}}, b'{"name": "x"}', "application/json"),
        ({"form_data": {"a": "b c"}}, b"a=b+c", "application/x-www-form-urlencoded"),
        ({"raw_body": b"<x/>", "headers": {"Content-Type": "application/xml"}}, b"<x/>", "application/xml"),
    ],
)
def test_every_kind_of_body_arrives(runtime: Runtime, options: dict, body: bytes, content_type: str) -> None:
    """JSON, form and raw bodies reach the upstream as the SDK sends them."""
    runtime.set_up(PATTERN, static(api_key="k"))
    answer = client(runtime).actions.request(
        connection_name="under-test", identifier="user_1", path="/x", method="POST", **options
    )
    assert answer.content == body
    assert runtime.upstream.last.header("content-type") == [content_type]


def test_an_expired_token_is_renewed(runtime: Runtime) -> None:
    """After a 401 the SDK requests a token again and repeats the call."""
    runtime.set_up(PATTERN, static(api_key="k"))
    actions = client(runtime).actions
    runtime.scalekit.clock.advance(4000)
    answer = actions.request(connection_name="under-test", identifier="user_1", path="/x")
    assert answer.status_code == 200
    assert [request.status for request in runtime.scalekit.requests.of("proxy")] == [401, 200]


def test_the_upstreams_refusal_is_handed_through(runtime: Runtime) -> None:
    """A status of the upstream is the status that the SDK's caller sees."""
    runtime.set_up(PATTERN, static(api_key="k"))
    answer = client(runtime).actions.request(
        connection_name="under-test", identifier="user_1", path="/teapot"
    )
    assert (answer.status_code, answer.json()) == (418, {"error": "short and stout"})


def test_a_wrong_secret_is_the_sdks_own_exception(runtime: Runtime) -> None:
    """The SDK recognises the token endpoint's refusal."""
    with pytest.raises(scalekit.common.exceptions.ScalekitServerException):
        client(runtime, "wrong")


# --- gRPC ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[local.LocalScalekit, Upstream]]:
    """One server for the module: gRPC reads the certificates that it trusts once in a process."""
    with (
        pytest.MonkeyPatch.context() as patch,
        upstream_server() as upstream,
        local.running(upstreams={"*": upstream.url}, grpc=True) as server,
    ):
        patch.setenv("GRPC_DEFAULT_SSL_ROOTS_FILE_PATH", str(server.grpc_roots))
        yield server, upstream


@pytest.fixture
def sdk(served: tuple[local.LocalScalekit, Upstream]):
    """The SDK's client for an environment that is empty."""
    server, _ = served
    for account in server.store.accounts():
        server.store.delete_account(account)
    for connection in server.store.connections():
        server.store.delete_connection(connection.id, lambda _: None)
    for provider in server.store.providers():
        server.store.delete_provider(provider.identifier, lambda _: None)
    server.faults.clear()
    return scalekit.ScalekitClient(
        env_url=server.url, client_id="skc_local", client_secret="local-secret", call_timeout_s=10
    )


def bearer_pattern():
    """Return the SDK's own form of a BEARER pattern."""
    from scalekit.actions.models.custom_provider import AuthField, AuthPattern

    field = AuthField(field_name="token", label="Token", input_type="password", required=True)
    return AuthPattern(type="BEARER", display_name="Bearer Token", fields=[field])


def new_connector(sdk) -> str:
    """Create a connector through the SDK and return its identifier."""
    from scalekit.actions.types import CreateCustomProviderRequest

    request = CreateCustomProviderRequest(
        display_name="My Bearer",
        description="long",
        proxy_url="https://api.example.com",
        proxy_enabled=True,
        auth_patterns=[bearer_pattern()],
        metadata={"team": "x"},
    )
    return sdk.actions.providers.create_custom_provider(request).provider.identifier


def new_connection(server: local.LocalScalekit, connector: str) -> None:
    """Create the connection that the documentation has people make in the dashboard."""
    assert server.store.create_connection("support", connector, "BEARER")


def test_connectors_are_managed_through_the_sdk(sdk) -> None:
    """Create, list, update and delete over gRPC do what they do over HTTP."""
    from scalekit.actions.types import (
        DeleteCustomProviderRequest,
        ListProvidersRequest,
        UpdateCustomProviderRequest,
    )

    identifier = new_connector(sdk)
    (listed,) = sdk.actions.providers.list_providers(
        ListProvidersRequest(identifier=identifier, provider_type=1)
    ).providers
    assert (listed.display_name, listed.metadata, listed.proxy_enabled) == ("My Bearer", {"team": "x"}, True)
    assert listed.auth_patterns[0].to_dict() == bearer_pattern().to_dict()
    update = UpdateCustomProviderRequest(
        identifier=identifier,
        display_name="Renamed",
        proxy_url="https://x.example",
        auth_patterns=[bearer_pattern()],
    )
    changed = sdk.actions.providers.update_custom_provider(update).provider
    assert (changed.display_name, changed.description) == ("Renamed", "long")
    sdk.actions.providers.delete_custom_provider(DeleteCustomProviderRequest(identifier=identifier))
    assert sdk.actions.providers.list_providers(ListProvidersRequest(provider_type=1)).providers == []


def test_the_documented_flow_of_tool_proxy_works(sdk, served) -> None:
    """Authorization link, authorization, request: the example of the documentation, start to end."""
    server, upstream = served
    new_connection(server, new_connector(sdk))
    link = sdk.actions.get_authorization_link(connection_name="support", identifier="user_123").link
    assert httpx.post(link, data={"token": "typed"}).status_code == 303
    answer = sdk.actions.request(
        connection_name="support", identifier="user_123", path="/v1/customers", method="GET"
    )
    assert answer.status_code == 200
    assert upstream.last.header("authorization") == ["Bearer typed"]


def test_accounts_are_managed_through_the_sdk(sdk, served) -> None:
    """Create, list, update and delete go over gRPC, and calls carry the credential that was given last."""
    server, upstream = served
    new_connection(server, new_connector(sdk))
    account = {"connection_name": "support", "identifier": "user_1"}
    # The SDK wraps the details by itself.
    made = sdk.actions.create_connected_account(
        **account, authorization_details={"static_auth": {"token": "first"}}
    ).connected_account
    assert (made.identifier, made.status) == ("user_1", "ACTIVE")
    sdk.actions.request(**account, path="/x", method="GET")
    assert upstream.last.header("authorization") == ["Bearer first"]
    sdk.actions.update_connected_account(
        **account, authorization_details={"static_auth": {"token": "second"}}
    )
    sdk.actions.request(**account, path="/x", method="GET")
    assert upstream.last.header("authorization") == ["Bearer second"]
    listed = sdk.actions.list_connected_accounts(connection_name="support").connected_accounts
    assert [(account.identifier, account.status) for account in listed] == [("user_1", "ACTIVE")]
    sdk.actions.delete_connected_account(connection_name="support", identifier="user_1")
    assert sdk.actions.list_connected_accounts(connection_names=["support"]).connected_accounts == []


def test_an_account_is_made_once_and_verified(sdk, served) -> None:
    """`get_or_create` makes an account once; with a verify URL it is ACTIVE after the user is verified."""
    server, _ = served
    new_connection(server, new_connector(sdk))
    account = {"connection_name": "support", "identifier": "user_7"}
    made = sdk.actions.get_or_create_connected_account(**account).connected_account
    again = sdk.actions.get_or_create_connected_account(**account).connected_account
    assert (made.status, again.id) == ("PENDING_AUTH", made.id)
    link = sdk.actions.get_authorization_link(**account, user_verify_url="https://app.example/v").link
    page = httpx.post(link, data={"token": "typed"}).text
    request_id = re.search(r"auth_request_id=([\w-]+)", page)
    assert request_id
    sdk.actions.verify_connected_account_user(auth_request_id=request_id[1], identifier="user_7")
    assert sdk.actions.get_connected_account(**account).connected_account.status == "ACTIVE"


def test_connections_of_the_environment_are_managed_through_the_sdk(sdk, served) -> None:
    """Create with flags, get, update with an OAuth application, and list over gRPC."""
    from scalekit.v1.connections import connections_pb2 as messages

    server, _ = served
    payload = {
        "display_name": "With OAuth",
        "proxy_url": "https://api.example.com",
        "auth_patterns": [
            {
                "type": "OAUTH",
                "display_name": "x",
                "oauth_config": {
                    "authorize_uri": "https://a.example/a",
                    "token_uri": "https://a.example/t",
                },
            }
        ],
    }
    identifier = server.store.create_provider(payload).identifier
    body = messages.CreateConnection(provider_key=identifier, type=messages.ConnectionType.OAUTH)
    made = sdk.connection.create_environment_connection(body, messages.Flags(is_app=True))[0].connection
    assert made.key_id.startswith("with-oauth-")
    assert made.status == messages.ConnectionStatus.DRAFT
    config = messages.OAuthConnectionConfig(scopes=["read"])
    config.client_id.value, config.client_secret.value = "app", "app-secret"
    update = messages.UpdateConnection(
        key_id=made.key_id, provider_key=identifier, type=made.type, oauth_config=config
    )
    sdk.connection.update_environment_connection(made.id, update)
    shown = sdk.connection.get_environment_connection(made.id)[0].connection
    assert shown.status == messages.ConnectionStatus.COMPLETED
    assert (shown.oauth_config.client_id.value, list(shown.oauth_config.scopes)) == ("app", ["read"])
    assert shown.oauth_config.client_secret.value != "app-secret"
    listed = sdk.connection.list_app_connections(provider=identifier)[0]
    assert [connection.id for connection in listed.connections] == [made.id]


def test_refusals_are_the_sdks_own_exceptions(sdk, served) -> None:
    """Codes, messages and details arrive: bad request, not found, in use."""
    from scalekit.common import exceptions

    server, _ = served
    client = sdk.actions._providers_client
    with pytest.raises(exceptions.ScalekitBadRequestException, match="display_name") as refused:
        client.create_custom_provider("Bad/Name", "https://x.example", auth_patterns=[bearer_pattern()])
    assert "field_violations" in str(refused.value)
    with pytest.raises(exceptions.ScalekitNotFoundException):
        client.delete_custom_provider("NOPE:1")
    identifier = new_connector(sdk)
    new_connection(server, identifier)
    with pytest.raises(exceptions.ScalekitBadRequestException, match="PROVIDER_HAS_EXISTING_CONNECTIONS"):
        client.delete_custom_provider(identifier)


def test_an_expired_token_is_renewed_over_grpc(sdk, served) -> None:
    """UNAUTHENTICATED makes the SDK request a token again."""
    server, _ = served
    before = server.requests.count("token")
    server.faults.add("list:token-revoked*1")
    sdk.actions._providers_client.list_providers()
    assert server.requests.count("token") == before + 1


def test_a_method_that_is_not_covered_says_so(sdk) -> None:
    """What the local Scalekit does not have is UNIMPLEMENTED, not a hang."""
    from scalekit.common import exceptions

    with pytest.raises(exceptions.ScalekitServerException) as refused:
        sdk.organization.list_organizations(page_size=1)
    assert "UNIMPLEMENTED" in str(refused.value)


def test_a_relayed_connection_is_its_clients(served) -> None:
    """Over TLS, too, a request is that of the client which sent it, and not that of the relay on this machine."""
    server, _ = served
    context = ssl.create_default_context(cafile=str(server.grpc_roots))
    address = urlsplit(server.url)
    with (
        socket.create_connection((address.hostname, address.port), timeout=5) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as connection,
    ):
        connection.sendall(b"GET /api/v1/providers HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert connection.recv(20).startswith(b"HTTP/1.1 401")
        host, port = connection.getsockname()
    assert server.requests.of("list")[-1].connection == f"{host}:{port}"


def test_without_the_front_tls_is_refused(runtime: Runtime) -> None:
    """Without `grpc` a TLS handshake on the port ends at once, and plain HTTP goes on working."""
    with pytest.raises(httpx.TransportError):
        httpx.get(runtime.scalekit.url.replace("http:", "https:"), timeout=5)
    assert runtime.http.get("/api/v1/providers").status_code == 200
