"""Reaching Temporal: where it is (temporalio.envconfig), connecting, and what doctor asks of its namespace."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any, Final

import structlog
from google.protobuf.duration_pb2 import Duration
from temporalio.api.namespace.v1 import NamespaceConfig
from temporalio.api.workflowservice.v1 import (
    DescribeNamespaceRequest,
    GetSystemInfoRequest,
    UpdateNamespaceRequest,
)
from temporalio.client import Client
from temporalio.converter import DataConverter
from temporalio.envconfig import ClientConfig
from temporalio.runtime import Runtime
from temporalio.service import RPCError

from models.errors import ErrorCode, StanchError

DEFAULT_TARGET: Final = "localhost:7233"
CONNECT_TIMEOUT: Final = timedelta(seconds=5)
"""A port that swallows packets must not hold a process longer than a person would wait."""

CALL_TIMEOUT: Final = timedelta(seconds=5)
RETRY_SECONDS: Final = (0.2, 0.5, 1.0, 2.0, 5.0)
"""Pauses between tries to connect; the last one repeats."""

_log = structlog.get_logger(__name__)


def connect_config() -> dict[str, Any]:
    """Keyword arguments for `Client.connect` from TEMPORAL_* and the profile file. Errors: INVALID."""
    try:
        config: dict[str, Any] = {**ClientConfig.load_client_connect_config()}
    except Exception as error:
        raise StanchError(
            ErrorCode.INVALID,
            f"The Temporal settings cannot be read ({error}); nothing was started. Check TEMPORAL_* and its profile file.",
        ) from error
    config.setdefault("target_host", DEFAULT_TARGET)
    return config


async def lazy_client(converter: DataConverter, *, identity: str | None = None) -> Client:
    """A client that connects at its first call and again whenever it must: for processes that live without Temporal."""
    return await _connect(converter, identity=identity, lazy=True)


async def connect(
    converter: DataConverter, *, identity: str | None = None, runtime: Runtime | None = None
) -> Client:
    """A connected client. Errors: TEMPORAL_UNREACHABLE."""
    try:
        return await _connect(converter, identity=identity, runtime=runtime)
    except (RuntimeError, RPCError) as error:
        raise unreachable() from error


async def connect_at_last(
    converter: DataConverter,
    *,
    stop: asyncio.Event,
    identity: str | None = None,
    runtime: Runtime | None = None,
) -> Client | None:
    """A connected client, however long Temporal is away; None when `stop` is set first."""
    tries = 0
    while not stop.is_set():
        try:
            return await connect(converter, identity=identity, runtime=runtime)
        except StanchError as error:
            pause = RETRY_SECONDS[min(tries, len(RETRY_SECONDS) - 1)]
            _log.warning("temporal_unreachable", code=error.code, next_try_seconds=pause, tries=tries + 1)
        tries += 1
        try:
            await asyncio.wait_for(stop.wait(), timeout=pause)
        except TimeoutError:
            continue
    return None


async def server_version(client: Client) -> str:
    """The server's version. Errors: TEMPORAL_UNREACHABLE."""
    try:
        info = await client.workflow_service.get_system_info(GetSystemInfoRequest(), timeout=CALL_TIMEOUT)
    except (RPCError, RuntimeError) as error:
        raise unreachable() from error
    return info.server_version


async def retention(client: Client) -> timedelta:
    """How long the namespace keeps closed workflows. Errors: TEMPORAL_UNREACHABLE."""
    try:
        described = await client.workflow_service.describe_namespace(
            DescribeNamespaceRequest(namespace=client.namespace), timeout=CALL_TIMEOUT
        )
    except (RPCError, RuntimeError) as error:
        raise unreachable() from error
    return described.config.workflow_execution_retention_ttl.ToTimedelta()


async def set_retention(client: Client, kept: timedelta) -> None:
    """Keep closed workflows this long; the default of a day is too short for any audit. Errors: TEMPORAL_UNREACHABLE."""
    duration = Duration()
    duration.FromTimedelta(kept)
    try:
        await client.workflow_service.update_namespace(
            UpdateNamespaceRequest(
                namespace=client.namespace,
                config=NamespaceConfig(workflow_execution_retention_ttl=duration),
            ),
            timeout=CALL_TIMEOUT,
        )
    except (RPCError, RuntimeError) as error:
        raise unreachable() from error


def unreachable() -> StanchError:
    """What is said whenever Temporal does not answer."""
    return StanchError(
        ErrorCode.TEMPORAL_UNREACHABLE,
        "Temporal does not answer. What is committed is safe and accounts are frozen without it; start Temporal, or "
        "check TEMPORAL_ADDRESS and TEMPORAL_NAMESPACE.",
    )


async def _connect(
    converter: DataConverter,
    *,
    identity: str | None,
    lazy: bool = False,
    runtime: Runtime | None = None,
) -> Client:
    return await Client.connect(
        **connect_config(),
        data_converter=converter,
        connect_timeout=CONNECT_TIMEOUT,
        identity=identity,
        lazy=lazy,
        runtime=runtime,
    )
