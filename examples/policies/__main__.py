"""A policy pack for connectors: allowed hosts and scopes, no BASIC in production, and no warnings.

Configure it with `--policy-pack-config config.json`; without, the lists below count.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from pulumi_policy import (
    EnforcementLevel,
    PolicyConfigSchema,
    PolicyPack,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
)

from pulumi_scalekit.definition.check import findings
from pulumi_scalekit.definition.keys import DEFINITION_KEYS

CONNECTOR = "pulumi-python:dynamic/scalekit:Connector"
PRODUCTION = ("production", "prod")
LISTS = PolicyConfigSchema(properties={"allowed": {"type": "array", "items": {"type": "string"}}})


def plain(value: Any) -> Any:
    """A property as plain dicts and lists, which the rules look at; Pulumi hands out views of its own."""
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    return (
        [plain(item) for item in value]
        if isinstance(value, Sequence) and not isinstance(value, str)
        else value
    )


def definition_of(args: ResourceValidationArgs) -> dict | None:
    """The definition of a connector, or None for any other resource."""
    if args.resource_type != CONNECTOR:
        return None
    return {key: plain(args.props[key]) for key in DEFINITION_KEYS if args.props.get(key) is not None}


def patterns_of(definition: dict) -> list[dict]:
    """The auth patterns of a definition, as far as they are known in a preview."""
    return [pattern for pattern in definition.get("auth_patterns") or [] if isinstance(pattern, dict)]


def allowed_hosts(args: ResourceValidationArgs, report: ReportViolation) -> None:
    """Every base URL is below a host of the list; a placeholder in the host needs an entry of its own."""
    definition = definition_of(args)
    allowed = args.get_config().get("allowed") or ["api.example.com", "{{domain}}"]
    if definition is not None and isinstance(url := definition.get("proxy_url"), str):
        host = urlsplit(url).netloc
        if not any(host == entry or host.endswith(f".{entry}") for entry in allowed):
            report(f"proxy_url leads to {host}; allowed are {', '.join(allowed)}.")


def allowed_scopes(args: ResourceValidationArgs, report: ReportViolation) -> None:
    """No OAuth scope beyond the list is offered."""
    definition = definition_of(args)
    allowed = set(args.get_config().get("allowed") or ["openid", "profile", "email"])
    for pattern in patterns_of(definition or {}):
        scopes = (pattern.get("oauth_config") or {}).get("available_scopes") or []
        for scope in scopes:
            if scope.get("scope") not in allowed:
                report(f"the scope {scope.get('scope')} is not allowed; ask the security team to add it.")


def no_basic_in_production(args: ResourceValidationArgs, report: ReportViolation) -> None:
    """Production takes no user names and passwords."""
    definition = definition_of(args)
    stack = args.urn.split("::")[0].removeprefix("urn:pulumi:")
    if stack in PRODUCTION and any(p.get("type") == "BASIC" for p in patterns_of(definition or {})):
        report("BASIC authentication is not allowed in production.")


def no_warnings(args: ResourceValidationArgs, report: ReportViolation) -> None:
    """What `pulumi-scalekit review` warns of is told here, too: the same rules."""
    definition = definition_of(args)
    for finding in findings(definition) if definition else ():
        if finding.severity == "warning":
            report(f"{finding.path} {finding}.")


PolicyPack(
    "scalekit-connectors",
    policies=[
        ResourceValidationPolicy(
            name="allowed-hosts",
            description="Connectors lead to allowed hosts only.",
            validate=allowed_hosts,
            config_schema=LISTS,
            enforcement_level=EnforcementLevel.MANDATORY,
        ),
        ResourceValidationPolicy(
            name="allowed-scopes",
            description="OAuth connectors offer allowed scopes only.",
            validate=allowed_scopes,
            config_schema=LISTS,
            enforcement_level=EnforcementLevel.MANDATORY,
        ),
        ResourceValidationPolicy(
            name="no-basic-in-production",
            description="Production has no connectors with BASIC authentication.",
            validate=no_basic_in_production,
            enforcement_level=EnforcementLevel.MANDATORY,
        ),
        ResourceValidationPolicy(
            name="no-warnings",
            description="Definitions pass review without a warning.",
            validate=no_warnings,
            enforcement_level=EnforcementLevel.ADVISORY,
        ),
    ],
)
