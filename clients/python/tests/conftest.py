"""What tests share."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator

import pytest
import pytest_asyncio
from fake_daemon import Answer, FakeDaemon

from keyside import AsyncKeysideClient, KeysideClient

Serve = Callable[..., FakeDaemon]
Connect = Callable[..., KeysideClient]
AsyncConnect = Callable[..., AsyncKeysideClient]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts fake daemons; they end with the test."""
    daemons: list[FakeDaemon] = []

    def start(*answers: Answer, port: int = 0) -> FakeDaemon:
        daemons.append(FakeDaemon(*answers, port=port))
        return daemons[-1]

    yield start
    for daemon in daemons:
        daemon.stop()


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Makes clients that read no environment; they are closed with the test."""
    clients: list[KeysideClient] = []

    def make(address: str, **options: object) -> KeysideClient:
        clients.append(KeysideClient(address=address, **{"environment": {}, **options}))  # type: ignore[arg-type]
        return clients[-1]

    yield make
    for client in clients:
        client.close()


@pytest_asyncio.fixture
async def aconnect() -> AsyncIterator[AsyncConnect]:
    """As `connect`, for asyncio."""
    clients: list[AsyncKeysideClient] = []

    def make(address: str, **options: object) -> AsyncKeysideClient:
        clients.append(AsyncKeysideClient(address=address, **{"environment": {}, **options}))  # type: ignore[arg-type]
        return clients[-1]

    yield make
    for client in clients:
        await client.close()


@pytest.fixture
def interop_address() -> str:
    """The address of a real daemon with the tenants acme and globex."""
    import os

    if os.environ.get("KEYSIDE_INTEROP_PHASE") != "write":
        pytest.skip("KEYSIDE_INTEROP_PHASE is not `write`: there is no daemon")
    return os.environ["KEYSIDE_ADDRESS"]
