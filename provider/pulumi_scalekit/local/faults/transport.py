"""Faults of the connection: a response that is late, cut, or never comes."""

# ruff: noqa: ARG002 - every hook takes what any of them may need

from __future__ import annotations

import asyncio
from contextlib import suppress

from pulumi_scalekit.local.errors import TooLarge
from pulumi_scalekit.local.exchange import Break, Exchange, Reply

from .fault import Fault, seconds


class Latency(Fault):
    """The response takes longer."""

    name = "latency"
    help = "wait this many seconds before the operation runs"
    default = "1"

    def check(self) -> None:
        """The value is a number of seconds."""
        seconds(self.value)

    async def before(self, exchange: Exchange) -> None:
        """Sleep in real time: the client's deadlines are real, too."""
        if exchange.log.operation != "proxy":
            # The request has arrived: a client that is tired of waiting does not stop the operation.
            await exchange.body()
        await asyncio.sleep(seconds(self.value))


class Drop(Fault):
    """A connection that ends before anything happened."""

    name = "drop"
    help = (
        "close the connection without a response; nothing was committed. `reset` closes it with a TCP reset"
    )
    default = "close"
    choices = ("close", "reset")

    async def before(self, exchange: Exchange) -> None:
        """Close the connection."""
        # A client that is still sending would notice the end in other ways than one that waits.
        with suppress(TooLarge):
            await exchange.body()
        raise Break(reset=self.value == "reset")


class DropAfterCommit(Drop):
    """A connection that ends before the response: the client cannot know what happened."""

    name = "drop-after-commit"
    help = "carry the operation out, then close the connection without a response (`reset` as for `drop`)"
    rewrites = True

    async def before(self, exchange: Exchange) -> None:
        """Let the operation run."""

    def reply(self, exchange: Exchange, reply: Reply) -> Reply:
        """Close the connection."""
        raise Break(reset=self.value == "reset")


class Cut(Fault):
    """A body that ends early."""

    name = "cut"
    help = "carry the operation out, send the head and half of the body, then close the connection"
    rewrites = True

    def reply(self, exchange: Exchange, reply: Reply) -> Reply:
        """Close the connection in the middle of the body."""
        raise Break(after=reply, keep=len(reply.body) // 2)
