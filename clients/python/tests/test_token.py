"""The bearer token: when its file is read, and what becomes of a call that a daemon started anew refuses."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest
from conftest import AsyncConnect, Connect, Serve
from fake_daemon import Failure, fail, free_port

from keyside import CallerUnauthenticatedError, KeysideClient, Metadata, OverloadedError, UnavailableError
from keyside._attempts import Attempts
from keyside.v1.crypto_pb2 import EncryptResponse
from keyside.v1.stream_pb2 import EncryptStreamOpened, EncryptStreamRequest, EncryptStreamResponse

ACME = Metadata("acme")
ENCRYPTED = EncryptResponse(edek=b"\x07").SerializeToString()
REFUSED = Failure(
    grpc.StatusCode.UNAUTHENTICATED, "CALLER_UNAUTHENTICATED: the bearer token is not known", "CALLER_UNAUTHENTICATED"
)
OVERLOADED = Failure(grpc.StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED: full", "OVERLOADED", retry=0.001)
PATIENT = {"connect_timeout": 20.0, "timeout": 30.0}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "token"


def write(file: Path, content: bytes | None) -> None:
    if content is None:
        file.unlink(missing_ok=True)
    else:
        file.write_bytes(content)


def put(file: Path, token: str) -> None:
    replacement = file.with_name("new")
    replacement.write_text(f"{token}\n")
    replacement.replace(file)


def meanwhile(file: Path, token: str, answer: Failure) -> Callable[[grpc.ServicerContext], bytes]:
    """An answer that comes when the file holds another token."""

    def give(context: grpc.ServicerContext) -> bytes:
        put(file, token)
        fail(context, answer)
        raise AssertionError

    return give


def echo(requests: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
    next(requests)
    yield EncryptStreamResponse(opened=EncryptStreamOpened(edek=b"\x07")).SerializeToString()
    for request in requests:
        yield EncryptStreamResponse(chunk=EncryptStreamRequest.FromString(request).chunk).SerializeToString()


def test_is_read_again_when_it_changes(serve: Serve, connect: Connect, file: Path) -> None:
    daemon = serve(ENCRYPTED)
    client = connect(daemon.address, token_file=file)
    for token in ("first", "other"):  # equally long
        put(file, token)
        client.encrypt({}, ACME)
    assert [call.headers["authorization"] for call in daemon.calls] == ["Bearer first", "Bearer other"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "cannot be read: no such file or directory"),
        (b" \n", "holds no token: one line of printable ASCII"),
        (b"one\ntwo", "holds no token: one line of printable ASCII"),
        (b"\xc3\xa9", "holds no token: one line of printable ASCII"),
    ],
    ids=["missing", "empty", "two lines", "not ASCII"],
)
async def test_none_ends_the_call_at_a_daemon_that_answers(
    serve: Serve, connect: Connect, aconnect: AsyncConnect, file: Path, content: bytes | None, says: str
) -> None:
    write(file, content)
    daemon = serve(ENCRYPTED)
    client, other = connect(daemon.address, token_file=file), aconnect(daemon.address, token_file=file)
    found = []
    with pytest.raises(CallerUnauthenticatedError) as caught:
        client.encrypt({}, ACME)
    found.append(caught.value)
    with pytest.raises(CallerUnauthenticatedError) as caught:
        next(client.encrypt_stream(b"x", ACME))
    found.append(caught.value)
    with pytest.raises(CallerUnauthenticatedError) as caught:
        await other.encrypt({}, ACME)
    found.append(caught.value)
    with pytest.raises(CallerUnauthenticatedError) as caught:
        await anext(other.encrypt_stream(b"x", ACME))
    found.append(caught.value)
    for error in found:
        assert str(error) == f"CALLER_UNAUTHENTICATED: the token file {file} {says}"
        assert (error.code, error.retryable) == ("UNAUTHENTICATED", False)
    assert daemon.calls == []


async def test_none_and_no_daemon_is_no_daemon(connect: Connect, aconnect: AsyncConnect, file: Path) -> None:
    address = f"127.0.0.1:{free_port()}"
    started = time.monotonic()
    with pytest.raises(UnavailableError, match=f"no daemon answers at {address}"):
        connect(address, token_file=file, connect_timeout=0.3).encrypt({}, ACME)
    assert time.monotonic() - started >= 0.2
    with pytest.raises(UnavailableError, match=f"no daemon answers at {address}"):
        await aconnect(address, token_file=file, connect_timeout=0.3).encrypt({}, ACME)


@pytest.mark.parametrize("before", [None, "stale"])
def test_a_daemon_that_starts_may_be_making_it(serve: Serve, connect: Connect, file: Path, before: str | None) -> None:
    if before is not None:
        put(file, before)
    port = free_port()
    client = connect(f"127.0.0.1:{port}", token_file=file, **PATIENT)
    with ThreadPoolExecutor(1) as pool:
        for answer, call in (
            (ENCRYPTED, lambda: client.encrypt({}, ACME).edek),
            (echo, lambda: b"".join(client.encrypt_stream(b"\x07", ACME))),
        ):
            made = pool.submit(call)
            time.sleep(0.3)
            put(file, "made")
            time.sleep(0.1)
            daemon = serve(answer, port=port)
            assert made.result() == b"\x07"
            assert [call.headers["authorization"] for call in daemon.calls] == ["Bearer made"]
            daemon.stop()
            write(file, None)


async def test_a_daemon_that_starts_may_be_making_it_with_asyncio(serve: Serve, aconnect: AsyncConnect, file: Path) -> None:
    port = free_port()
    client = aconnect(f"127.0.0.1:{port}", token_file=file, **PATIENT)

    async def call() -> bytes:
        return (await client.encrypt({}, ACME)).edek

    async def stream() -> bytes:
        return b"".join([piece async for piece in client.encrypt_stream(b"\x07", ACME)])

    for answer, run in ((ENCRYPTED, call), (echo, stream)):
        made = asyncio.create_task(run())
        await asyncio.sleep(0.3)
        put(file, "made")
        daemon = serve(answer, port=port)
        assert await made == b"\x07"
        assert [call.headers["authorization"] for call in daemon.calls] == ["Bearer made"]
        await asyncio.to_thread(daemon.stop)
        write(file, None)


def test_a_call_is_made_again_where_the_file_holds_another_by_then(serve: Serve, connect: Connect, file: Path) -> None:
    put(file, "old")
    daemon = serve(meanwhile(file, "new", REFUSED), ENCRYPTED)
    assert connect(daemon.address, token_file=file).encrypt({}, ACME).edek == b"\x07"
    assert [call.headers["authorization"] for call in daemon.calls] == ["Bearer old", "Bearer new"]


async def test_a_call_is_made_again_with_asyncio_too(serve: Serve, aconnect: AsyncConnect, file: Path) -> None:
    put(file, "old")
    daemon = serve(meanwhile(file, "new", REFUSED), meanwhile(file, "newer", REFUSED), ENCRYPTED)
    client = aconnect(daemon.address, token_file=file)
    with pytest.raises(CallerUnauthenticatedError, match="the bearer token is not known"):
        await client.encrypt({}, ACME)
    assert (await client.encrypt({}, ACME)).edek == b"\x07"
    assert [call.headers["authorization"] for call in daemon.calls] == ["Bearer old", "Bearer new", "Bearer newer"]


def test_it_is_made_again_once(serve: Serve, connect: Connect, file: Path) -> None:
    put(file, "old")
    daemon = serve(meanwhile(file, "new", REFUSED), meanwhile(file, "newer", REFUSED), ENCRYPTED)
    with pytest.raises(CallerUnauthenticatedError, match="the bearer token is not known"):
        connect(daemon.address, token_file=file).encrypt({}, ACME)
    assert len(daemon.calls) == 2


def test_it_is_not_made_again_with_the_same_or_none(serve: Serve, connect: Connect, file: Path) -> None:
    def lost(context: grpc.ServicerContext) -> bytes:
        file.unlink()
        fail(context, REFUSED)
        raise AssertionError

    put(file, "same")
    daemon = serve(REFUSED, lost, REFUSED)
    client = connect(daemon.address, token_file=file)
    for _ in range(2):
        with pytest.raises(CallerUnauthenticatedError, match="the bearer token is not known"):
            client.encrypt({}, ACME)
    assert len(daemon.calls) == 2
    with pytest.raises(CallerUnauthenticatedError, match="the bearer token is not known"):
        connect(daemon.address).encrypt({}, ACME)


def test_that_counts_as_no_attempt(serve: Serve, connect: Connect, file: Path) -> None:
    put(file, "old")
    daemon = serve(OVERLOADED, meanwhile(file, "new", REFUSED), OVERLOADED)
    with pytest.raises(OverloadedError):
        connect(daemon.address, token_file=file).encrypt({}, ACME)
    assert len(daemon.calls) == 5


def test_each_attempt_has_the_token_of_its_time(serve: Serve, connect: Connect, file: Path) -> None:
    put(file, "old")
    daemon = serve(meanwhile(file, "new", OVERLOADED), ENCRYPTED)
    connect(daemon.address, token_file=file).encrypt({}, ACME)
    assert [call.headers["authorization"] for call in daemon.calls] == ["Bearer old", "Bearer new"]


class Refusal:
    """As gRPC tells it."""

    def code(self) -> grpc.StatusCode:
        return REFUSED.code

    def details(self) -> str:
        return REFUSED.message

    def trailing_metadata(self) -> tuple[tuple[str, str | bytes], ...]:
        return (("grpc-status-details-bin", REFUSED.status().SerializeToString()),)


@pytest.mark.parametrize("timeout", [30.0, 0.01])
def test_it_is_not_made_again_beyond_the_deadline(file: Path, timeout: float) -> None:
    put(file, "old")
    with KeysideClient(token_file=file, environment={}) as client:
        attempts = Attempts(client._connection.settings, timeout)
    attempts.headers()
    put(file, "new")
    time.sleep(0.02)
    if timeout > 1:
        assert attempts.pause_after(Refusal()) == 0
    else:
        with pytest.raises(CallerUnauthenticatedError):
            attempts.pause_after(Refusal())
