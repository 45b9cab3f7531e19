"""Which environment to talk to, and with which credentials.

The environment's URL and the client id come from the stack's configuration first, then from the process
environment: a stack stays with its environment whatever the shell has set. For the client secret it is the
other way round, because Pulumi keeps a copy of the configuration in the state and gives `refresh` and
`destroy` that copy, so that a rotated secret would not be seen: `SCALEKIT_CLIENT_SECRET` wins wherever it
belongs to the same client.
"""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from .errors import SettingsError

ConfigGetter = Callable[[str], object]
"""Looks a stack configuration value up by its full key, such as `scalekit:clientId`; `None` if not set."""

EXPLICIT: Final = "explicitProvider"
"""The key by which the configuration of an explicit provider differs from a stack's."""


@dataclass(frozen=True)
class Settings:
    """One environment and how to talk to it."""

    environment_url: str
    """The environment's base URL, without a trailing slash."""
    client_id: str
    client_secret: str = field(repr=False)
    secret_source: str = "SCALEKIT_CLIENT_SECRET"
    """Where the secret came from, for messages."""
    former_environment_url: str | None = None
    """The URL under which this very environment was known before."""
    # What tunes a run: NUMBERS and FLAGS say what each is.
    parallel: int = 32
    timeout: float = 30.0
    rate_limit_wait: float = 300.0
    attempts: int = 5
    backoff: float = 0.25
    list_delay: float = 10.0
    requests_per_minute: float = 0.0
    adopt_identical: bool = False
    allow_empty_environment: bool = False


@dataclass(frozen=True)
class _Tuning:
    attribute: str
    """Its name in `Settings`, which has its default."""
    meaning: str

    @property
    def key(self) -> str:
        """Its key in a stack's configuration, without `scalekit:`."""
        first, *words = self.attribute.split("_")
        return first + "".join(map(str.capitalize, words))

    @property
    def variable(self) -> str:
        """Its environment variable."""
        return f"SCALEKIT_{self.attribute.upper()}"

    @property
    def default(self) -> float:
        """Its value where it is not set."""
        default: float = getattr(Settings, self.attribute)
        return default


@dataclass(frozen=True)
class Number(_Tuning):
    """A numeric setting."""

    minimum: float
    maximum: float

    def read(self, text: str | None) -> float:
        """The setting's value from its text, or its default.

        Raises:
            SettingsError: It is not a number within the bounds.
        """
        if text is None:
            return self.default
        try:
            value = type(self.default)(text)
        except ValueError:
            value = float("nan")
        if not self.minimum <= value <= self.maximum:
            kind = "a whole number" if isinstance(self.default, int) else "a number"
            raise SettingsError(
                f"The setting scalekit:{self.key} ({self.variable}) must be {kind} "
                f"from {self.minimum:g} to {self.maximum:g}"
            )
        return value


NUMBERS: Final = (
    Number("parallel", "Calls under way at once, at most.", 1, 256),
    Number("timeout", "Seconds that one HTTP call may take in all.", 0.05, 3600),
    Number(
        "rate_limit_wait",
        "Seconds that calls wait for a rate limit while none comes through, before they fail.",
        0,
        86_400,
    ),
    Number("attempts", "Tries of a call that fails for a passing reason.", 1, 100),
    Number("backoff", "Seconds before the first repetition; each further one waits twice as long.", 0, 60),
    Number(
        "list_delay",
        "Seconds by which a list may show a write late: what it does not show is looked for as long.",
        0,
        3600,
    ),
    Number(
        "requests_per_minute",
        "Requests of a process in any minute, at most, evenly spread; 0 for no limit.",
        0,
        100_000,
    ),
)
"""The settings that tune a run; all have defaults that suit most."""


@dataclass(frozen=True)
class Flag(_Tuning):
    """A setting that is true or false."""

    def read(self, text: str | None) -> bool:
        """The setting's value from its text.

        Raises:
            SettingsError: It is neither `true` nor `false`.
        """
        if text is None:
            return bool(self.default)
        if text.lower() not in {"true", "false"}:
            raise SettingsError(f"The setting scalekit:{self.key} ({self.variable}) must be true or false")
        return text.lower() == "true"


FLAGS: Final = (
    Flag(
        "adopt_identical",
        "Whether a create takes over the one connector or connection of its name if as declared.",
    ),
    Flag(
        "allow_empty_environment",
        "Whether a refresh may find that the environment has no custom connector left.",
    ),
)
"""The settings that allow something."""


def read_settings(config: ConfigGetter | None = None, environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings from a stack's configuration and the process environment.

    Raises:
        SettingsError: A setting is missing or malformed; the message names both places to set it.
    """
    env = os.environ if environ is None else environ

    def configured(key: str) -> str | None:
        value = config(f"scalekit:{key}") if config else None
        return str(value).strip() or None if value is not None else None

    def variable(name: str) -> str | None:
        return env.get(name, "").strip() or None

    def url_of(key: str, *variables: str) -> str | None:
        if value := configured(key):
            place = "the provider's arguments" if explicit else f"scalekit:{key} in the stack's configuration"
            return url_setting(value, place)
        return next((url_setting(value, name) for name in variables if (value := variable(name))), None)

    explicit = configured(EXPLICIT) is not None
    url = url_of("environmentUrl", "SCALEKIT_ENVIRONMENT_URL", "SCALEKIT_ENV_URL")
    client_id = configured("clientId") or variable("SCALEKIT_CLIENT_ID")
    secret, source = variable("SCALEKIT_CLIENT_SECRET"), "SCALEKIT_CLIENT_SECRET"
    # A program with several clients has to say whose secret the variable is.
    owners = (client_id,) if explicit else (None, client_id)
    if secret is None or variable("SCALEKIT_CLIENT_ID") not in owners:
        # The variable belongs to another client, or is not there.
        secret = configured("clientSecret")
        source = (
            "the provider's client_secret" if explicit else "the stack's configuration, scalekit:clientSecret"
        )
    if url is None or client_id is None or secret is None:
        missing = [
            (name, option, key)
            for value, name, option, key in (
                (url, "SCALEKIT_ENVIRONMENT_URL", "", "environmentUrl"),
                (client_id, "SCALEKIT_CLIENT_ID", "", "clientId"),
                (secret, "SCALEKIT_CLIENT_SECRET", "--secret ", "clientSecret"),
            )
            if value is None
        ]
        named = ", ".join(f"{n} (or pulumi config set {option}scalekit:{key})" for n, option, key in missing)
        misspelled = describe_misspelled((key for _, _, key in missing), config) if config else ""
        raise SettingsError(
            f"Scalekit credentials are missing: set {named}. {misspelled}"
            "Find them in the Scalekit Dashboard under Developers > Settings > API Credentials"
        )
    for value, name in ((client_id, "client id"), (secret, "client secret")):
        if not value.isprintable():
            raise SettingsError(f"The {name} holds characters that cannot be printed: copy it again")
    return Settings(
        environment_url=url,
        client_id=client_id,
        client_secret=secret,
        secret_source=source,
        former_environment_url=url_of("formerEnvironmentUrl", "SCALEKIT_FORMER_ENVIRONMENT_URL"),
        **{
            setting.attribute: setting.read(configured(setting.key) or variable(setting.variable))
            for setting in (*NUMBERS, *FLAGS)
        },  # type: ignore[arg-type]  # the attributes of NUMBERS are numbers, those of FLAGS are flags
    )


def describe_misspelled(missing: Iterable[str], config: ConfigGetter) -> str:
    """Sentences about what stands in a configuration for settings that are missing there; none where nothing does.

    Example:
        >>> describe_misspelled(["clientId"], {"scalekit:clientID": "skc_1"}.get)
        "The stack's configuration has scalekit:clientID, which is not read: the key is scalekit:clientId. "
    """
    return "".join(
        f"The stack's configuration has {found}, which is not read: the key is scalekit:{key}. "
        for key in missing
        if (found := _misspelled(key, config))
    )


def _misspelled(key: str, config: ConfigGetter) -> str:
    """The key that stands in the configuration for one that is missing there, or "".

    A provider gets values by name and cannot list the names, so these are the ones that people write.
    """
    first, last = re.findall("[A-Z]?[a-z]+", key)
    alike = (
        f"{first}{last.upper()}",
        f"{first.capitalize()}{last}",
        *(f"{first}{separator}{last.lower()}" for separator in ("", "_", "-")),
        last.lower(),
    )
    # Without `scalekit:` a key is the project's own.
    return next((name for name in (*(f"scalekit:{k}" for k in alike), key) if config(name) is not None), "")


def url_setting(text: str, place: str) -> str:
    """The normal form of an environment's base URL that is set somewhere, which an error names.

    Raises:
        SettingsError: As of `environment_url`.
    """
    try:
        return environment_url(text)
    except SettingsError as error:
        raise SettingsError(f"{error}. It is set by {place}") from None


def environment_url(text: str) -> str:
    """The normal form of an environment's base URL.

    Raises:
        SettingsError: It is not an `https://host[:port]` URL, nor `http://` to this very machine.
    """
    url = text.strip().rstrip("/")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port, parts = None, None, urlsplit("")
    if not host or parts.scheme not in {"https", "http"} or not url.isprintable() or not _is_host(host):
        raise SettingsError(
            f"The environment URL must look like https://your-env.scalekit.dev{_instead_of(url)}"
        )
    if parts.path or parts.query or parts.fragment or "@" in parts.netloc:
        raise SettingsError(
            "The environment URL must be the bare base URL, such as https://your-env.scalekit.dev, "
            f"without credentials, path or query{_instead_of(url)}"
        )
    if parts.scheme == "http" and not is_loopback(host):
        raise SettingsError(
            f"The environment URL {parts.scheme}://{parts.netloc} is not encrypted. "
            "Use https://; plain http:// is accepted for this machine only (localhost, 127.0.0.1)"
        )
    shown = f"[{host}]" if ":" in host else host
    default = {"https": 443, "http": 80}[parts.scheme]
    return f"{parts.scheme}://{shown}" + (f":{port}" if port not in (None, default) else "")


_SHOWN = re.compile(r"(https?://)?(\*+@)?[\w-]{1,63}(\.[\w-]{1,63})+(:\d+)?(/[\w./-]*)?", re.ASCII)


def _instead_of(url: str) -> str:
    """What a URL is, for a message: without what may be secret, and nothing of what does not look like a URL."""
    shown = re.sub(r"//[^/]*@", "//****@", re.split(r"[?#]", url)[0])[:200]
    return f", not {shown}" if _SHOWN.fullmatch(shown) else ""


_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")


def _is_host(host: str) -> bool:
    if ":" in host:
        try:
            return "%" not in host and ipaddress.IPv6Address(host) is not None
        except ValueError:
            return False
    if re.fullmatch(r"[0-9.]+", host):
        try:
            return ipaddress.IPv4Address(host) is not None
        except ValueError:
            return False
    return len(host) <= 253 and all(_LABEL.fullmatch(label) for label in host.split("."))


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this very machine's."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
