"""Streams, with threads and with asyncio: the same cases for both."""

from __future__ import annotations

import asyncio
import io
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from pathlib import Path

import grpc
import pytest
from conftest import AsyncConnect, Connect, Serve
from fake_daemon import Failure, Stream, fail

from keyside import (
    Cancellation,
    CancelledError,
    DeadlineExceededError,
    InternalError,
    KeyRevokedError,
    KeysideError,
    Metadata,
    RequestInvalidError,
)
from keyside.v1.stream_pb2 import (
    BodySpan,
    DecryptStreamOpened,
    DecryptStreamRequest,
    DecryptStreamResponse,
    EncryptStreamOpened,
    EncryptStreamRequest,
    EncryptStreamResponse,
)

ACME = Metadata("acme")
OPENED = EncryptStreamResponse(opened=EncryptStreamOpened(edek=b"\x07")).SerializeToString()
REVOKED = Failure(grpc.StatusCode.FAILED_PRECONDITION, "KEY_REVOKED: gone", "KEY_REVOKED")


def chunk(data: bytes) -> bytes:
    return EncryptStreamResponse(chunk=data).SerializeToString()


def echo(requests: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
    """Gives back what it is sent, behind its opening."""
    assert EncryptStreamRequest.FromString(next(requests)).WhichOneof("message") == "open"
    yield OPENED
    for request in requests:
        yield chunk(EncryptStreamRequest.FromString(request).chunk)


def late_failure(requests: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
    yield from echo(requests, context)
    fail(context, REVOKED)


def early_end(requests: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
    next(requests)
    yield OPENED
    yield chunk(b"cut off")


def no_opening(requests: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
    next(requests)
    yield chunk(b"x")


def no_message(requests: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
    next(requests)
    yield b"\xff\xff"


def silent_at_first(requests: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
    wait_for_end(context)
    yield b""


def silent_at_last(requests: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
    yield from echo(requests, context)
    wait_for_end(context)


def wait_for_end(context: grpc.ServicerContext) -> None:
    ended = threading.Event()
    if context.add_callback(ended.set):
        ended.wait(20)


def endless() -> Iterator[bytes]:
    while True:
        yield b"\x00" * 1_000


CASES: list[tuple[str, Stream | Failure, Callable[[], Iterable[bytes]], type[KeysideError]]] = [
    ("refused at once", REVOKED, lambda: [b"x"], KeyRevokedError),
    ("failed behind bytes", late_failure, lambda: [b"x"], KeyRevokedError),
    ("OK before all was said", early_end, endless, InternalError),
    ("no opening", no_opening, lambda: [b"x"], InternalError),
    ("no message", no_message, lambda: [b"x"], InternalError),
    ("silent at its beginning", silent_at_first, lambda: [b"x"], DeadlineExceededError),
    ("silent at its end", silent_at_last, lambda: [b"x"], DeadlineExceededError),
    ("a source of texts", echo, lambda: "text", TypeError),  # type: ignore[list-item, return-value]
]


@pytest.mark.parametrize(("name", "answer", "source", "kind"), CASES, ids=[case[0] for case in CASES])
def test_ends_once_in_the_error(
    serve: Serve, connect: Connect, name: str, answer: Stream, source: Callable[[], Iterable[bytes]], kind: type[Exception]
) -> None:
    daemon = serve(answer)
    stream = connect(daemon.address).encrypt_stream(source(), ACME, timeout=0.5)
    with pytest.raises(kind):
        for _ in stream:
            pass
    assert len(daemon.calls) == 1
    assert daemon.ended.wait(10)


@pytest.mark.parametrize(("name", "answer", "source", "kind"), CASES, ids=[case[0] for case in CASES])
async def test_ends_once_in_the_error_with_asyncio(
    serve: Serve,
    aconnect: AsyncConnect,
    name: str,
    answer: Stream,
    source: Callable[[], Iterable[bytes]],
    kind: type[Exception],
) -> None:
    daemon = serve(answer)
    stream = aconnect(daemon.address).encrypt_stream(source(), ACME, timeout=0.5)
    # grpc.aio forgets why a call ended where the end and a message to it cross: still an error, but not in the daemon's words.
    with pytest.raises((kind, InternalError) if kind is KeyRevokedError else kind):
        async for _ in stream:
            pass
    assert len(daemon.calls) == 1
    assert await asyncio.to_thread(daemon.ended.wait, 10)


PLAIN = bytes(i % 251 for i in range(1_000_003))


@pytest.mark.parametrize(
    "source",
    [
        lambda _: PLAIN,
        lambda _: bytearray(PLAIN),
        lambda _: memoryview(PLAIN),
        lambda _: io.BytesIO(PLAIN),
        lambda file: file.open("rb"),
        lambda _: [PLAIN[:1], b"", PLAIN[1:]],
        lambda _: (PLAIN[i : i + 7_001] for i in range(0, len(PLAIN), 7_001)),
    ],
    ids=["bytes", "bytearray", "memoryview", "BytesIO", "file", "list", "generator"],
)
def test_takes_what_gives_bytes(serve: Serve, connect: Connect, tmp_path: Path, source: Callable[[Path], bytes]) -> None:
    (tmp_path / "plain").write_bytes(PLAIN)
    given = source(tmp_path / "plain")
    with connect(serve(echo).address).encrypt_stream(given, ACME) as stream:
        assert stream.edek == b"\x07"
        assert b"".join(stream) == PLAIN
        assert list(stream) == []
    if isinstance(given, io.BufferedReader):
        given.close()


async def test_takes_what_gives_bytes_with_asyncio(serve: Serve, aconnect: AsyncConnect) -> None:
    client = aconnect(serve(echo).address)
    reader = asyncio.StreamReader()
    reader.feed_data(PLAIN)
    reader.feed_eof()

    async def pieces() -> AsyncIterator[bytes]:
        yield PLAIN[:1]
        await asyncio.sleep(0)
        yield PLAIN[1:]

    for source in (PLAIN, [PLAIN[:9], PLAIN[9:]], reader, pieces()):
        async with client.encrypt_stream(source, ACME) as stream:
            assert await stream.edek() == b"\x07"
            assert b"".join([piece async for piece in stream]) == PLAIN
    with pytest.raises(TypeError, match="a plain file would block"):
        async for _ in client.encrypt_stream(io.BytesIO(PLAIN), ACME):
            pass


def test_is_read_as_a_file(serve: Serve, connect: Connect) -> None:
    client = connect(serve(echo, late_failure).address)
    with client.encrypt_stream(PLAIN, ACME).as_file() as file:
        assert file.read(5) == PLAIN[:5]
        assert file.read() == PLAIN[5:]
        assert file.read() == b""
    with client.encrypt_stream(b"x", ACME).as_file() as file:
        for _ in range(2):  # never the end of a file
            with pytest.raises(KeyRevokedError):
                file.read()


class BrokenError(Exception):
    pass


def broken() -> Iterator[bytes]:
    yield b"x"
    raise BrokenError


def test_a_source_that_fails_ends_the_call_with_its_own_error(serve: Serve, connect: Connect) -> None:
    told_all: list[bool] = []

    def watching(requests: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
        try:
            yield from echo(requests, context)
        finally:
            # gRPC's server may see the end of the messages before it sees that the call was cancelled.
            until = time.monotonic() + 5
            while context.is_active() and time.monotonic() < until:
                time.sleep(0.01)
            told_all.append(context.is_active())

    daemon = serve(watching)
    with pytest.raises(BrokenError):
        b"".join(connect(daemon.address).encrypt_stream(broken(), ACME))
    assert daemon.ended.wait(10)
    assert True not in told_all


async def test_a_source_that_is_cancelled_cancels_whoever_waits(serve: Serve, aconnect: AsyncConnect) -> None:
    async def cancelled() -> AsyncIterator[bytes]:
        yield b"x"
        raise asyncio.CancelledError

    daemon = serve(echo)
    with pytest.raises(asyncio.CancelledError):
        async for _ in aconnect(daemon.address).encrypt_stream(cancelled(), ACME):
            pass
    assert await asyncio.to_thread(daemon.ended.wait, 10)


async def test_a_source_that_fails_ends_the_call_with_asyncio(serve: Serve, aconnect: AsyncConnect) -> None:
    daemon = serve(echo)
    with pytest.raises(BrokenError):
        async for _ in aconnect(daemon.address).encrypt_stream(broken(), ACME):
            pass
    assert await asyncio.to_thread(daemon.ended.wait, 10)


def test_reads_no_further_than_the_daemon_takes(serve: Serve, connect: Connect) -> None:
    go_on = threading.Event()

    def slow(requests: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
        next(requests)
        yield OPENED
        go_on.wait(20)
        for _ in requests:
            pass

    read = 0

    def source() -> Iterator[bytes]:
        nonlocal read
        for _ in range(400):
            read += 1
            yield b"\x00" * 256 * 1024

    stream = connect(serve(slow).address).encrypt_stream(source(), ACME, timeout=30.0)
    taker = threading.Thread(target=lambda: b"".join(stream))
    taker.start()
    before = -1
    while before != read or read == 0:  # until it stands still
        before = read
        time.sleep(0.3)
    held = read
    go_on.set()
    taker.join(60)
    assert held < 100, f"{held} pieces of 256 KiB were read ahead"
    assert read == 400


def test_has_no_deadline_while_its_source_takes_its_time(serve: Serve, connect: Connect) -> None:
    def slow() -> Iterator[bytes]:
        time.sleep(1.0)
        yield b"x"

    daemon = serve(echo)
    assert b"".join(connect(daemon.address).encrypt_stream(slow(), ACME, timeout=0.5)) == b"x"
    left = daemon.calls[0].time_left
    assert left is None or left > 1_000_000


async def test_has_no_deadline_while_its_taker_takes_its_time(serve: Serve, aconnect: AsyncConnect) -> None:
    taken = b""
    async for piece in aconnect(serve(echo).address).encrypt_stream([b"x", b"y"], ACME, timeout=0.3):
        await asyncio.sleep(0.7)
        taken += piece
    assert taken == b"xy"


def test_closing_ends_the_call_at_the_daemon(serve: Serve, connect: Connect) -> None:
    daemon = serve(echo)
    client = connect(daemon.address)
    with client.encrypt_stream(endless(), ACME) as stream:
        assert len(next(stream)) == 1_000
    assert daemon.ended.wait(10)
    with pytest.raises(CancelledError):
        for _ in stream:
            pass
    unopened = client.encrypt_stream(b"x", ACME)
    unopened.close()
    with pytest.raises(CancelledError):
        next(unopened)


async def test_closing_ends_the_call_with_asyncio(serve: Serve, aconnect: AsyncConnect) -> None:
    daemon = serve(echo)
    async with aconnect(daemon.address).encrypt_stream(endless(), ACME) as stream:
        assert len(await anext(stream)) == 1_000
    assert await asyncio.to_thread(daemon.ended.wait, 10)
    with pytest.raises(CancelledError):
        async for _ in stream:
            pass


def test_cancelling_ends_the_call_at_the_daemon(serve: Serve, connect: Connect) -> None:
    daemon = serve(silent_at_last)
    cancellation = Cancellation()
    stream = connect(daemon.address).encrypt_stream(b"x", ACME, cancellation=cancellation)
    assert next(stream) == b"x"
    cancellation.cancel()
    assert daemon.ended.wait(10)  # though nobody takes anything
    for _ in range(2):
        with pytest.raises(CancelledError):
            next(stream)


def test_a_stream_that_is_left_lying_leaves_no_thread(serve: Serve, connect: Connect) -> None:
    go_on = threading.Event()

    def impatient(requests: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
        next(requests)
        yield OPENED
        go_on.wait(20)
        fail(context, REVOKED)

    stream = connect(serve(impatient).address).encrypt_stream(b"x", ACME)
    assert stream.edek == b"\x07"
    assert any(thread.name == "keyside-stream" for thread in threading.enumerate())
    go_on.set()
    until = time.monotonic() + 10
    while any(thread.name == "keyside-stream" for thread in threading.enumerate()):
        assert time.monotonic() < until
        time.sleep(0.01)


def ranges(requests: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
    """Asks for two spans, and gives back what it is sent."""
    part = DecryptStreamRequest.FromString(next(requests)).open.range
    assert (part.offset, part.length, part.object_size) == (10, 2**53 - 1, 100)
    spans = [BodySpan(offset=2, length=3), BodySpan(offset=7, length=2)]
    yield DecryptStreamResponse(opened=DecryptStreamOpened(spans=spans)).SerializeToString()
    for request in requests:
        yield DecryptStreamResponse(chunk=DecryptStreamRequest.FromString(request).chunk).SerializeToString()


BODY = b"0123456789"


def test_a_range_reads_what_the_daemon_asks_for(serve: Serve, connect: Connect) -> None:
    client = connect(serve(ranges).address)
    asked: list[tuple[int, int]] = []

    def read(offset: int, length: int) -> bytes:
        asked.append((offset, length))
        return BODY[offset : offset + length]

    assert b"".join(client.decrypt_range(read, ACME, edek=b"e", offset=10, object_size=100)) == b"23478"
    assert asked == [(2, 3), (7, 2)]
    file = io.BytesIO(b"header" + BODY)
    assert b"".join(client.decrypt_range(file, ACME, edek=b"e", offset=10, object_size=100, body_start=6)) == b"23478"
    for wrong in (lambda _offset, length: b"x" * (length + 1), lambda _offset, _length: b""):
        with pytest.raises(RequestInvalidError, match="bytes at 2 of the body"):
            b"".join(client.decrypt_range(wrong, ACME, edek=b"e", offset=10, object_size=100))
    with pytest.raises(RequestInvalidError, match="read gave 0 of the 3 bytes"):
        b"".join(client.decrypt_range(io.BytesIO(b""), ACME, edek=b"e", offset=10, object_size=100))
    with pytest.raises(RequestInvalidError, match="offset is not a whole number"):
        client.decrypt_range(read, ACME, edek=b"e", offset=-1, object_size=100)


async def test_a_range_reads_with_asyncio(serve: Serve, aconnect: AsyncConnect) -> None:
    client = aconnect(serve(ranges).address)

    async def read(offset: int, length: int) -> bytes:
        await asyncio.sleep(0)
        return BODY[offset : offset + length]

    for reader in (read, lambda offset, length: [BODY[offset : offset + length]]):
        stream = client.decrypt_range(reader, ACME, edek=b"e", offset=10, object_size=100)
        assert b"".join([piece async for piece in stream]) == b"23478"
