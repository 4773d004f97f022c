"""Daemons that are not there, not yet, or no more."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest
from conftest import AsyncConnect, Connect, Serve
from fake_daemon import free_port

from keyside import Cancellation, CancelledError, DeadlineExceededError, KeysideClient, Metadata, UnavailableError
from keyside.v1.crypto_pb2 import EncryptResponse

ACME = Metadata("acme")
FIELDS = {"ssn": "123"}
ENCRYPTED = EncryptResponse(edek=b"\x07").SerializeToString()


def test_a_daemon_that_starts_is_waited_for(serve: Serve, connect: Connect) -> None:
    port = free_port()
    client = connect(f"127.0.0.1:{port}", connect_timeout=20.0, timeout=30.0)
    with ThreadPoolExecutor(8) as pool:
        calls = [pool.submit(client.encrypt, FIELDS, ACME) for _ in range(20)]
        time.sleep(0.3)
        daemon = serve(ENCRYPTED, port=port)
        for call in calls:
            assert call.result().edek == b"\x07"
    assert len(daemon.calls) == 20


async def test_a_daemon_that_starts_is_waited_for_with_asyncio(serve: Serve, aconnect: AsyncConnect) -> None:
    port = free_port()
    client = aconnect(f"127.0.0.1:{port}", connect_timeout=20.0, timeout=30.0)
    calls = [asyncio.create_task(client.encrypt(FIELDS, ACME)) for _ in range(20)]
    await asyncio.sleep(0.3)
    daemon = serve(ENCRYPTED, port=port)
    assert {(await call).edek for call in calls} == {b"\x07"}
    assert len(daemon.calls) == 20


@pytest.mark.parametrize(
    "options", [{"connect_timeout": 0.0}, {"connect_timeout": 0.2}, {"timeout": 0.2}], ids=lambda o: next(iter(o))
)
def test_no_daemon_is_told_with_the_address(connect: Connect, options: dict[str, float]) -> None:
    address = f"127.0.0.1:{free_port()}"
    with pytest.raises(UnavailableError) as caught:
        connect(address, **options).encrypt(FIELDS, ACME)
    assert str(caught.value) == f"UNAVAILABLE: no daemon answers at {address} (connection refused)"
    assert (caught.value.retryable, caught.value.code) == (True, "UNAVAILABLE")


def test_no_socket_is_told(connect: Connect, tmp_path: Path) -> None:
    address = f"unix://{tmp_path}/a b%20.sock"
    client = connect(address, connect_timeout=0.0)
    with pytest.raises(UnavailableError) as caught:
        client.encrypt(FIELDS, ACME)
    assert str(caught.value) == f"UNAVAILABLE: no daemon answers at {address} (there is no such socket)"
    with pytest.raises(UnavailableError):
        b"".join(client.encrypt_stream(b"x", ACME))


def test_what_listens_and_says_nothing_is_no_daemon(connect: Connect) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = "127.0.0.1:{1}".format(*silent.getsockname())
        with pytest.raises(UnavailableError) as caught:
            connect(address, connect_timeout=0.3).encrypt(FIELDS, ACME)
        assert str(caught.value) == f"UNAVAILABLE: no daemon answers at {address} (it does not answer)"
        with pytest.raises(DeadlineExceededError, match=address):
            connect(address).encrypt(FIELDS, ACME, timeout=0.2)


def test_a_daemon_that_was_started_anew_is_found(serve: Serve, connect: Connect) -> None:
    daemon = serve(ENCRYPTED)
    client = connect(daemon.address, connect_timeout=20.0, timeout=30.0)
    client.encrypt(FIELDS, ACME)
    daemon.stop()
    again = threading.Timer(0.3, lambda: serve(ENCRYPTED, port=daemon.port))
    again.start()
    assert client.encrypt(FIELDS, ACME).edek == b"\x07"
    again.join()


def test_no_proxy_of_the_environment_is_used(serve: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "grpc_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    assert connect(serve(ENCRYPTED).address).encrypt(FIELDS, ACME).edek == b"\x07"


def test_a_closed_client_makes_no_calls(serve: Serve, connect: Connect) -> None:
    client = connect(serve(ENCRYPTED).address)
    client.encrypt(FIELDS, ACME)
    client.close()
    client.close()
    with pytest.raises(CancelledError, match="the client is closed"):
        client.encrypt(FIELDS, ACME)


def closing_under(client: KeysideClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another thread closes the client between two steps of a call: it has the channel, and has not sent yet."""
    connection = client._connection
    opened = connection._open_channel

    def open_and_close() -> grpc.Channel:
        channel = opened()
        client.close()
        return channel

    monkeypatch.setattr(connection, "_open_channel", open_and_close)


@pytest.mark.parametrize(
    "call",
    [
        lambda client: client.encrypt(FIELDS, ACME),
        lambda client: client.encrypt(FIELDS, ACME, cancellation=Cancellation()),
        lambda client: client._connection.open("/keyside.v1.CryptoService/EncryptStream", iter(())),
    ],
    ids=["call", "call with a cancellation", "stream"],
)
def test_closing_between_two_steps_of_a_call_cancels_it(
    serve: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch, call: Callable[[KeysideClient], object]
) -> None:
    client = connect(serve(ENCRYPTED).address)
    client.encrypt(FIELDS, ACME)
    closing_under(client, monkeypatch)
    with pytest.raises(CancelledError, match="the client is closed"):
        call(client)


def test_closing_under_load_cancels_all_calls(serve: Serve, connect: Connect) -> None:
    client = connect(serve(ENCRYPTED).address)

    def until_it_fails() -> Exception:
        while True:
            try:
                client.encrypt(FIELDS, ACME)
            except Exception as failure:
                return failure

    with ThreadPoolExecutor(8) as pool:
        failures = [pool.submit(until_it_fails) for _ in range(8)]
        time.sleep(0.2)
        client.close()
        assert {str(failure.result()) for failure in failures} == {"CANCELLED: the client is closed"}


async def test_closing_under_load_cancels_all_calls_with_asyncio(serve: Serve, aconnect: AsyncConnect) -> None:
    client = aconnect(serve(ENCRYPTED).address)

    async def until_it_fails() -> str:
        while True:
            try:
                await client.encrypt(FIELDS, ACME)
            except Exception as failure:
                return str(failure)

    tasks = [asyncio.create_task(until_it_fails()) for _ in range(20)]
    await asyncio.sleep(0.2)
    await client.close()
    assert set(await asyncio.gather(*tasks)) == {"CANCELLED: the client is closed"}


@pytest.mark.skipif(sys.version_info < (3, 11), reason="tasks do not tell whether they were cancelled before Python 3.11")
async def test_closing_swallows_no_cancellation_of_a_task(serve: Serve, aconnect: AsyncConnect) -> None:
    def hang(context: grpc.ServicerContext) -> bytes:
        ended = threading.Event()
        context.add_callback(ended.set)
        ended.wait(20)
        return b""

    def hang_open(_requests: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
        yield hang(context)

    daemon = serve(hang, hang_open)
    client = aconnect(daemon.address)
    tasks: list[asyncio.Task[object]] = []
    for begin in (lambda: client.encrypt(FIELDS, ACME), lambda: anext(client.encrypt_stream(b"x", ACME))):
        tasks.append(asyncio.ensure_future(begin()))
        while len(daemon.calls) < len(tasks):  # noqa: ASYNC110 - the daemon is in other threads
            await asyncio.sleep(0.01)
    for task in tasks:
        task.cancel()
    await client.close()
    for task in tasks:
        with pytest.raises(asyncio.CancelledError):
            await task


def test_localhost_is_spoken_to_without_asking(serve: Serve, connect: Connect) -> None:
    assert connect(f"localhost:{serve(ENCRYPTED).port}").encrypt(FIELDS, ACME).edek == b"\x07"


def test_a_client_belongs_to_one_event_loop(serve: Serve) -> None:
    from keyside import AsyncKeysideClient

    async def run() -> None:
        await client.encrypt(FIELDS, ACME)

    client = AsyncKeysideClient(address=serve(ENCRYPTED).address, environment={})
    loop = asyncio.new_event_loop()
    loop.run_until_complete(run())
    with pytest.raises(RuntimeError, match="another event loop"):
        asyncio.run(run())
    loop.run_until_complete(client.close())
    loop.close()


def test_answers_of_any_size_are_received(serve: Serve, connect: Connect) -> None:
    large = EncryptResponse(edek=b"\x07" * 12_000_000).SerializeToString()
    assert len(connect(serve(large).address).encrypt(FIELDS, ACME).edek) == 12_000_000


FORKS = """
    import os, sys
    from keyside import KeysideClient, Metadata

    client = KeysideClient(address=sys.argv[1], environment={})
    children = []
    for _ in range(3):
        child = os.fork()
        if child == 0:
            edek = client.encrypt({"a": "b"}, Metadata("acme"), timeout=20.0).edek
            os._exit(0 if edek == bytes([7]) else 1)
        children.append(child)
    sys.exit(max(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children))
"""


def test_a_client_that_was_made_before_a_fork_serves_the_children(serve: Serve) -> None:
    daemon = serve(ENCRYPTED)
    program = textwrap.dedent(FORKS)
    ended = subprocess.run([sys.executable, "-c", program, daemon.address], timeout=60, check=False, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    assert len({call.peer for call in daemon.calls}) == 3


def test_the_environment_says_where_the_daemon_is(serve: Serve, tmp_path: Path) -> None:
    daemon = serve(ENCRYPTED)
    token = tmp_path / "token"
    token.write_text("secret\n")
    environment = {"KEYSIDE_ADDRESS": daemon.address, "KEYSIDE_TOKEN_FILE": str(token)}
    with KeysideClient(environment=environment) as client:
        client.encrypt(FIELDS, ACME)
    headers = daemon.calls[0].headers
    assert headers["authorization"] == "Bearer secret"
    assert str(headers["user-agent"]).startswith("keyside-client-python/")
