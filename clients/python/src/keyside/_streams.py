"""Objects of any size, with threads: what is read, what is sent, and what comes back run side by side."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from types import TracebackType
from typing import Generic, TypeVar, cast

import grpc

from ._cancellation import Cancellation
from ._connection import Connection
from ._error_types import cancelled
from ._exchange import PIECE_BYTES, Ending, Response, StreamCall, Turn, edek_in, spans_in
from ._sources import ByteSource, RangeReader, Seekable, pieces_in, pieces_in_spans
from ._status import RpcFailure, failure_of
from ._values import checked_seconds
from .v1.stream_pb2 import DecryptStreamResponse, EncryptStreamResponse

T = TypeVar("T")
Entered = TypeVar("Entered", bound="ByteStream")


class Exchange(Generic[Response]):
    """One call with messages both ways. gRPC reads the source in a thread of its own, a message ahead of the daemon at most."""

    def __init__(
        self,
        connection: Connection,
        call: StreamCall[Response],
        timeout: float | None,
        cancellation: Cancellation | None,
    ) -> None:
        seconds = connection.settings.timeout if timeout is None else checked_seconds(timeout, "timeout")
        connection.reach(seconds, cancellation)
        self._connection = connection
        self._stream: StreamCall[Response] = call
        self._turn = Turn(seconds)
        self._ending = Ending(connection.settings.target.address)
        self._pieces: Iterator[bytes] = iter(())
        self._has_source = threading.Event()
        self._over = threading.Event()
        self._call = connection.open(call.method, self._requests())
        self._cleanup = ExitStack()
        if cancellation is not None:
            self._cleanup.enter_context(cancellation.ending(self.close))
        if not self._call.add_callback(self._finish):
            self._finish()
        self._watcher = threading.Thread(target=self._watch, name="keyside-stream", daemon=True)
        self._watcher.start()

    def send(self, pieces: Iterator[bytes]) -> None:
        """Begins to send what is read from there. Once."""
        self._pieces = pieces
        self._has_source.set()

    def receive(self, *, is_owed: bool = False) -> Response | None:
        """The next message; None where the call has ended with OK. Raises why it failed."""
        with self._turn.receiving(is_owed):
            try:
                message = next(self._call)
            except StopIteration:
                return None
            except grpc.RpcError as failure:
                raise self._error(cast("RpcFailure", failure)) from None
        return self._stream.response(message)

    def chunks(self) -> Iterator[bytes]:
        """What comes back. Postcondition: it ends without an error only where everything was sent and the daemon ended with OK."""
        while (message := self.receive()) is not None:
            if message.chunk:
                yield message.chunk
        self._ending.raise_unless_sent()

    def close(self) -> None:
        """Tears the call down, unless it has ended. Any thread may."""
        self._ending.is_cancelled = True
        self._call.cancel()
        self._finish()

    def _finish(self) -> None:
        """Nothing more comes: what waits, and what this call holds, is let go. Called by gRPC too, where the daemon ends the call."""
        self._ending.is_over = True
        self._over.set()
        self._has_source.set()
        self._cleanup.close()

    def _requests(self) -> Iterator[bytes]:
        """Runs in gRPC's thread. Where it ends, gRPC tells the daemon that this is all: never before the call is cancelled, unless it is."""
        yield self._stream.first
        self._has_source.wait()
        if self._ending.is_over:
            return
        try:
            for piece in self._pieces:
                if self._ending.is_over:
                    return
                self._turn.sending(True)
                yield self._stream.chunk(piece)
                self._turn.sending(False)
        except GeneratorExit:
            raise
        except BaseException as failure:  # noqa: BLE001 - raised by `receive`
            self._ending.source_failure = failure
            self._call.cancel()
            return
        if not self._ending.is_over:
            self._ending.is_sent = True
            self._turn.sent()

    def _watch(self) -> None:
        while not self._over.wait(self._turn.left()):
            if self._turn.left() <= 0:
                self._ending.is_late = True
                self._call.cancel()
                return

    def _error(self, failure: RpcFailure) -> BaseException:
        address = self._connection.settings.target.address
        return self._ending.own_error() or self._connection.end_of(failure_of(failure, address))


class ByteStream(Iterator[bytes]):
    """Bytes while they are made, to be taken once: iterate, or read `as_file`. Nothing is sent before.

    They are whole only where they end without an error: where one is raised, what came before is nothing to keep. Leave it with `with`
    or `close` where not everything is taken. For one thread at a time; only `close` may be called by another.
    """

    def __init__(self, begin: Callable[[], Iterator[bytes]]) -> None:
        self._begin = begin
        self._failure: BaseException | None = None
        self._chunks: Iterator[bytes] | None = None
        self._exchange: Exchange[EncryptStreamResponse] | Exchange[DecryptStreamResponse] | None = None
        self._is_closed = False

    def __iter__(self) -> ByteStream:
        return self

    def __next__(self) -> bytes:
        if self._failure is not None:
            # Never the end: nobody may take the beginning for the whole.
            raise self._failure
        if self._chunks is None:
            if self._is_closed:
                raise cancelled("the stream is closed")
            self._chunks = self._guarded(self._begin)
        return self._guarded(lambda: next(cast("Iterator[bytes]", self._chunks)))

    def as_file(self) -> io.BufferedReader:
        """A file to read from, as `shutil.copyfileobj`, `tarfile` or a client of an object store take it. To close it ends the call."""
        return io.BufferedReader(_RawStream(self), PIECE_BYTES)

    def close(self) -> None:
        """Ends the call where it has not ended. Reading on raises `CancelledError`."""
        self._is_closed = True
        if self._exchange is not None:
            self._exchange.close()

    def __enter__(self: Entered) -> Entered:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.close()

    def _guarded(self, step: Callable[[], T]) -> T:
        try:
            return step()
        except BaseException as failure:
            if not isinstance(failure, StopIteration):
                self._failure = failure
            if self._exchange is not None:
                self._exchange.close()
            raise


class EncryptedStream(ByteStream):
    """A sealed object while it is made."""

    def __init__(
        self,
        open_exchange: Callable[[], Exchange[EncryptStreamResponse]],
        plaintext: ByteSource,
    ) -> None:
        super().__init__(self._sealed)
        self._open_exchange = open_exchange
        self._plaintext = plaintext
        self._edek: bytes | None = None

    @property
    def edek(self) -> bytes:
        """The object's header, before any plaintext is read. Asking for it opens the stream.

        Store it apart for `detached`; else it is also what the stream begins with.
        """
        if self._edek is None:
            self._edek = self._open()
        return self._edek

    def _open(self) -> bytes:
        if self._is_closed:
            raise cancelled("the stream is closed")
        if self._exchange is not None:
            raise cancelled("the stream failed when it was opened")
        exchange = self._exchange = self._open_exchange()
        try:
            return edek_in(exchange.receive(is_owed=True))
        except BaseException:
            exchange.close()
            raise

    def _sealed(self) -> Iterator[bytes]:
        self._edek = self.edek
        exchange = cast("Exchange[EncryptStreamResponse]", self._exchange)
        exchange.send(pieces_in(self._plaintext))
        return exchange.chunks()


class DecryptedStream(ByteStream):
    """An object, or a range of it, while it is decrypted."""

    def __init__(
        self,
        open_exchange: Callable[[], Exchange[DecryptStreamResponse]],
        send: Callable[[Exchange[DecryptStreamResponse]], Iterator[bytes]],
    ) -> None:
        super().__init__(self._opened)
        self._open_exchange = open_exchange
        self._send = send

    def _opened(self) -> Iterator[bytes]:
        exchange = self._exchange = self._open_exchange()
        try:
            exchange.send(self._send(exchange))
        except BaseException:
            exchange.close()
            raise
        return exchange.chunks()


def all_of(ciphertext: ByteSource) -> Callable[[Exchange[DecryptStreamResponse]], Iterator[bytes]]:
    """To decrypt a whole object."""
    return lambda _: pieces_in(ciphertext)


def part_of(body: RangeReader | Seekable, body_start: int) -> Callable[[Exchange[DecryptStreamResponse]], Iterator[bytes]]:
    """To decrypt a range: the daemon says what it needs."""
    return lambda exchange: pieces_in_spans(spans_in(exchange.receive(is_owed=True)), body, body_start)


class _RawStream(io.RawIOBase):
    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]
        while len(self._rest) == 0:
            chunk = next(self._stream, None)
            if chunk is None:
                return 0
            self._rest = memoryview(chunk)
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count

    def close(self) -> None:
        self._stream.close()
        super().close()
