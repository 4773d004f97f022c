"""Objects of any size, with asyncio: what is read, what is sent, and what comes back run side by side."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from types import TracebackType
from typing import Generic, TypeVar, cast

import grpc
import grpc.aio

from ._async_connection import AsyncConnection, times_asked_to_end
from ._async_sources import AsyncByteSource, AsyncRangeReader, pieces_in, pieces_in_spans
from ._error_types import cancelled
from ._exchange import Ending, Response, StreamCall, Turn, edek_in, spans_in
from ._status import failure_of
from ._values import checked_seconds
from .v1.stream_pb2 import DecryptStreamResponse, EncryptStreamResponse

Entered = TypeVar("Entered", bound="AsyncByteStream")


class AsyncExchange(Generic[Response]):
    """One call with messages both ways. The source is read by a task, a message ahead of the daemon at most."""

    def __init__(self, connection: AsyncConnection, call: StreamCall[Response], seconds: float) -> None:
        self._connection = connection
        self._stream: StreamCall[Response] = call
        self._turn = Turn(seconds)
        self._ending = Ending(connection.settings.target.address)
        self._call = connection.open(call.method)
        self._watcher = asyncio.create_task(self._watch())
        self._sender: asyncio.Task[None] | None = None
        self._call.add_done_callback(self._finish)

    @classmethod
    async def begin(
        cls,
        connection: AsyncConnection,
        call: StreamCall[Response],
        timeout: float | None,
    ) -> AsyncExchange[Response]:
        """Begins the call once a daemon answers."""
        seconds = connection.settings.timeout if timeout is None else checked_seconds(timeout, "timeout")
        await connection.reach(seconds)
        exchange = cls(connection, call, seconds)
        try:
            await exchange._write(call.first)
        except BaseException:
            exchange.close()
            raise
        return exchange

    def send(self, pieces: AsyncIterator[bytes]) -> None:
        """Begins to send what is read from there. Once."""
        self._sender = asyncio.create_task(self._send(pieces))

    async def receive(self, *, is_owed: bool = False) -> Response | None:
        """The next message; None where the call has ended with OK. Raises why it failed."""
        asked = times_asked_to_end()
        with self._turn.receiving(is_owed):
            try:
                message = await self._call.read()
            except grpc.aio.AioRpcError as failure:
                said = failure_of(failure, self._connection.settings.target.address)
                raise self._ending.own_error() or self._connection.end_of(said) from None
            except asyncio.CancelledError:
                own = self._own_error()
                if own is None or times_asked_to_end() > asked:
                    raise
                raise own from None
        return None if message is grpc.aio.EOF else self._stream.response(cast("bytes", message))

    async def chunks(self) -> AsyncIterator[bytes]:
        """What comes back. Postcondition: it ends without an error only where everything was sent and the daemon ended with OK."""
        while (message := await self.receive()) is not None:
            if message.chunk:
                yield message.chunk
        self._ending.raise_unless_sent()

    def close(self) -> None:
        """Tears the call down, unless it has ended, and lets the source go."""
        self._ending.is_cancelled = True
        self._call.cancel()
        self._finish()

    def _finish(self, _call: object = None) -> None:
        """Nothing more comes. Called by gRPC too, where the daemon ends the call."""
        self._ending.is_over = True
        self._watcher.cancel()
        if self._sender is not None:
            self._sender.cancel()

    def _own_error(self) -> BaseException | None:
        """Why gRPC says that the call was cancelled; None where the task that waits was."""
        own = self._ending.own_error()
        return own if own is not None else (cancelled("the client is closed") if self._connection.is_closed else None)

    async def _send(self, pieces: AsyncIterator[bytes]) -> None:
        try:
            async for piece in pieces:
                self._turn.sending(True)
                if not await self._write(self._stream.chunk(piece)):
                    return
                self._turn.sending(False)
        except asyncio.CancelledError:
            # The stream was closed, or the source was cancelled: then so is whoever waits for the answer.
            self._call.cancel()
            raise
        except BaseException as failure:  # noqa: BLE001 - raised by `receive`
            self._ending.source_failure = failure
            self._call.cancel()
            return
        self._ending.is_sent = True
        self._turn.sent()
        await self._done_writing()

    async def _write(self, message: bytes) -> bool:
        """False where the call has ended: `receive` raises why."""
        try:
            await self._call.write(message)
        except (grpc.RpcError, asyncio.InvalidStateError):
            return False
        return True

    async def _done_writing(self) -> None:
        if not self._call.done():
            await self._call.done_writing()

    async def _watch(self) -> None:
        while (left := self._turn.left()) > 0:  # noqa: ASYNC110 - it waits for time
            await asyncio.sleep(left)
        self._ending.is_late = True
        self._call.cancel()


class AsyncByteStream(AsyncIterator[bytes]):
    """Bytes while they are made, to be taken once with ``async for``. Nothing is sent before.

    They are whole only where they end without an error: where one is raised, what came before is nothing to keep. Leave it with
    ``async with`` or `aclose` where not everything is taken. For one task at a time.
    """

    def __init__(self, begin: Callable[[], Awaitable[AsyncIterator[bytes]]]) -> None:
        self._begin = begin
        self._failure: BaseException | None = None
        self._chunks: AsyncIterator[bytes] | None = None
        self._exchange: AsyncExchange[EncryptStreamResponse] | AsyncExchange[DecryptStreamResponse] | None = None
        self._is_closed = False

    def __aiter__(self) -> AsyncByteStream:
        return self

    async def __anext__(self) -> bytes:
        if self._failure is not None:
            # Never the end: nobody may take the beginning for the whole.
            raise self._failure
        try:
            if self._chunks is None:
                if self._is_closed:
                    raise cancelled("the stream is closed")
                self._chunks = await self._begin()
            return await anext(self._chunks)
        except BaseException as failure:
            if not isinstance(failure, StopAsyncIteration):
                self._failure = failure
            if self._exchange is not None:
                self._exchange.close()
            raise

    async def aclose(self) -> None:
        """Ends the call where it has not ended. Reading on raises `CancelledError` of this package."""
        self._is_closed = True
        if self._exchange is not None:
            self._exchange.close()

    async def __aenter__(self: Entered) -> Entered:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()


class AsyncEncryptedStream(AsyncByteStream):
    """A sealed object while it is made."""

    def __init__(
        self,
        open_exchange: Callable[[], Awaitable[AsyncExchange[EncryptStreamResponse]]],
        plaintext: AsyncByteSource,
    ) -> None:
        super().__init__(self._sealed)
        self._open_exchange = open_exchange
        self._plaintext = plaintext
        self._edek: bytes | None = None

    async def edek(self) -> bytes:
        """The object's header, before any plaintext is read. Asking for it opens the stream.

        Store it apart for `detached`; else it is also what the stream begins with.
        """
        if self._edek is None:
            if self._is_closed:
                raise cancelled("the stream is closed")
            if self._exchange is not None:
                raise cancelled("the stream failed when it was opened")
            exchange = self._exchange = await self._open_exchange()
            try:
                self._edek = edek_in(await exchange.receive(is_owed=True))
            except BaseException:
                exchange.close()
                raise
        return self._edek

    async def _sealed(self) -> AsyncIterator[bytes]:
        await self.edek()
        exchange = cast("AsyncExchange[EncryptStreamResponse]", self._exchange)
        exchange.send(pieces_in(self._plaintext))
        return exchange.chunks()


class AsyncDecryptedStream(AsyncByteStream):
    """An object, or a range of it, while it is decrypted."""

    def __init__(
        self,
        open_exchange: Callable[[], Awaitable[AsyncExchange[DecryptStreamResponse]]],
        send: Callable[[AsyncExchange[DecryptStreamResponse]], Awaitable[AsyncIterator[bytes]]],
    ) -> None:
        super().__init__(self._opened)
        self._open_exchange = open_exchange
        self._send = send

    async def _opened(self) -> AsyncIterator[bytes]:
        exchange = self._exchange = await self._open_exchange()
        exchange.send(await self._send(exchange))
        return exchange.chunks()


async def all_of(ciphertext: AsyncByteSource) -> AsyncIterator[bytes]:
    """To decrypt a whole object."""
    return pieces_in(ciphertext)


async def part_of(exchange: AsyncExchange[DecryptStreamResponse], body: AsyncRangeReader) -> AsyncIterator[bytes]:
    """To decrypt a range: the daemon says what it needs."""
    return pieces_in_spans(spans_in(await exchange.receive(is_owed=True)), body)
