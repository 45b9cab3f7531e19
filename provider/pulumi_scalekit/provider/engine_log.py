"""Messages to the engine that a plugin process was started by."""

from __future__ import annotations

import contextlib
from typing import Final

import grpc
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc

from .keys import Level

_TIMEOUT: Final = 5.0
"""Seconds that an engine may take for a message: a call is not to wait for it longer."""


def send(address: str, level: Level, message: str, urn: str) -> None:
    """Show a message in the engine's diagnostics.

    Args:
        address: The engine's own, `host:port`. Without one, or an engine there, the message is dropped.
        level: How it is shown.
        message: The text.
        urn: The resource that it is about; "" for the stack.
    """
    if ":" not in address:
        return
    severity = engine_pb2.WARNING if level == "warning" else engine_pb2.INFO
    request = engine_pb2.LogRequest(severity=severity, message=message, urn=urn)
    with contextlib.suppress(grpc.RpcError), grpc.insecure_channel(address) as channel:
        engine_pb2_grpc.EngineStub(channel).Log(request, timeout=_TIMEOUT)
