"""What a connector is called."""

from __future__ import annotations

from typing import Any

import pytest

from pulumi_scalekit.discovery.names import connector_name, service_name


@pytest.mark.parametrize(
    ("title", "host", "name"),
    [
        ("Acme API", "", "Acme"),
        ("Acme's API documentation", "", "Acme"),
        ("The Acme REST API v2.1 (Preview)", "", "Acme"),
        ("Acmé – Notes", "", "Acme Notes"),
        ("API Reference", "{{region}}.acme.io", "Acme"),
        ("REST API", "api.eu.acme.co.uk", "Acme"),
        ("", "", ""),
        ("", "127.0.0.1", ""),
        ("x" * 300, "", "x" * 200),
        ("OpenAPI for the Acme APIs", "", "Acme"),
        ("Developer API - Acme", "api.acme.io", "Acme"),
        ("Acme API Swagger UI (Unofficial)", "", "Acme"),
        ("acme.video", "ws.acme.video", "acme video"),
        ("API", "rest.api.video", "Api Video"),
        ("Acme API References", "", "Acme"),
        ("Web3 Data API", "web3.acme.io", "Acme Web3 Data"),
    ],
)
def test_connector_name(title: str, host: str, name: str) -> None:
    """A name is what a title says beyond that it is an API, in letters that Scalekit takes."""
    assert connector_name(title, host) == name


@pytest.mark.parametrize(
    ("title", "host", "provider", "expected"),
    [
        ("Query API", "api.acme.io", "", "Acme Query"),
        ("Core API", "core.acme.io", "", "Acme Core"),
        ("Admin REST API v2", "api.acme.io", "Notes", "Notes Admin"),
        ("Acme Admin API", "api.acme.io", "", "Acme Admin"),
        ("REST API", "api.acme.io", "Notes", "Notes"),
        ("Core API", "", "", "Core"),
        ("Accounting", "api.acme.io", "", "Acme Accounting"),
        ("Email Sending API", "acme.io", "", "Acme Email Sending"),
        ("Personnel Data", "api.acme.de", "", "Acme Personnel Data"),
        ("Payment Acceptance and Reporting", "api.acme.io", "", "Acme Payment Acceptance and Reporting"),
        ("Mailbox Sending API", "api.mailbox.io", "", "Mailbox Sending"),
        ("Query", "{{region}}.com", "", "Query"),
        ("Query", "abc.execute-api.us-east-1.amazonaws.com", "", "Query"),
    ],
)
def test_a_title_that_names_a_part(title: str, host: str, provider: str, expected: str) -> None:
    """Where the title names only a part of a service, the service's name goes before it."""
    assert connector_name(title, host, provider) == expected


@pytest.mark.parametrize(
    ("info", "host", "expected"),
    [
        ({"x-providerName": "acme-notes.io"}, "api.other.io", "acme notes"),
        ({"description": "The reference of the AcmeDesk API."}, "api.acmedesk.com", "AcmeDesk"),
        ({"description": "See https://acmedesk.com."}, "api.acmedesk.com", "Acmedesk"),
        ({"contact": {"url": "https://www.acme.io/support"}}, "{{server}}", "Acme"),
        ({"contact": {"name": "ACME", "email": "api@acme.io"}}, "", "ACME"),
        ({"contact": {"url": "https://github.com/acme/api"}}, "", ""),
        ({"termsOfService": "https://acme.io/terms"}, "a.execute-api.eu-west-1.amazonaws.com", "Acme"),
    ],
)
def test_the_name_of_a_service(info: dict[str, Any], host: str, expected: str) -> None:
    """A service is called as its provider, its host or its contact is, spelled as in the document."""
    assert service_name({"info": info}, host) == expected
