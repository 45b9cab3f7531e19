"""Faults of the response: refusals, and bodies that are not what the contract says."""

# ruff: noqa: ARG002 - every hook takes what any of them may need

from __future__ import annotations

from email.utils import formatdate

from pulumi_scalekit.local.errors import InvalidArgument, RateLimited, for_status
from pulumi_scalekit.local.exchange import Break, Exchange, Reply

from .fault import Fault, seconds


class RateLimit(Fault):
    """Scalekit's own 429."""

    name = "rate-limited"
    help = (
        "429 RATE_LIMITED before the operation; a value is sent as Retry-After in seconds, "
        "`date:SECONDS` as an HTTP date, `none` (the default) sends no such header"
    )
    default = "none"

    def check(self) -> None:
        """The value is `none`, seconds, or `date:` and seconds."""
        if self.value != "none":
            seconds(self.value.removeprefix("date:"))

    async def before(self, exchange: Exchange) -> None:
        """Refuse the request."""
        raise RateLimited("too many requests in this environment", retry_after=self._header(exchange))

    def _header(self, exchange: Exchange) -> str | None:
        if self.value == "none":
            return None
        if self.value.startswith("date:"):
            return formatdate(exchange.now + seconds(self.value.removeprefix("date:")), usegmt=True)
        return self.value


class Error(Fault):
    """A failure before anything happened."""

    name = "error"
    help = "respond with this HTTP status; nothing was committed"
    default = "500"

    def check(self) -> None:
        """The value is a status that has a failure class."""
        for_status(int(self.value), "")

    async def before(self, exchange: Exchange) -> None:
        """Refuse the request."""
        raise for_status(int(self.value), "the request failed before it was carried out (fault)")


class ErrorAfterCommit(Error):
    """A failure that hides a success."""

    name = "error-after-commit"
    help = "carry the operation out, then respond with this HTTP status"
    rewrites = True

    async def before(self, exchange: Exchange) -> None:
        """Let the operation run."""

    def reply(self, exchange: Exchange, reply: Reply) -> Reply:
        """Replace the response."""
        failure = for_status(int(self.value), "the request failed after it was carried out (fault)")
        return exchange.refusal(failure)


class InvalidJson(Fault):
    """A complete response that is not JSON."""

    name = "invalid-json"
    help = "carry the operation out, then send a complete body that is not valid JSON"
    rewrites = True

    def reply(self, exchange: Exchange, reply: Reply) -> Reply:
        """Spoil the body, and keep the status."""
        return Reply(reply.status, reply.headers, b'{"provider": {"identifier": "')


class Redirect(Fault):
    """A response that points to another host."""

    name = "redirect"
    help = "respond with 307 to the same path and query at this origin; nothing was committed"
    default = "https://elsewhere.invalid"

    def check(self) -> None:
        """The value is an origin."""
        if not self.value.startswith(("http://", "https://")):
            raise ValueError("use an origin such as https://elsewhere.invalid")

    async def before(self, exchange: Exchange) -> None:
        """Redirect the request."""
        location = self.value.rstrip("/") + exchange.target
        raise Break(instead=Reply(307, (("location", location),), b""))


class Echo(Fault):
    """A refusal whose message repeats what was submitted."""

    name = "echo"
    help = "refuse with 400 and repeat the submitted body, a token request's secret too, in the message"

    async def before(self, exchange: Exchange) -> None:
        """Refuse the request."""
        text = (await exchange.body()).decode("utf-8", "replace")
        raise InvalidArgument(f"the server did not accept: {text}")
