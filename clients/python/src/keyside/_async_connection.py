"""Calls of one daemon, made by tasks of asyncio."""

from __future__ import annotations

import asyncio
import sys
from typing import TypeAlias, TypeVar

import grpc
import grpc.aio

from ._attempts import Attempts
from ._error_types import cancelled
from ._errors import KeysideError
from ._requests import Call, is_serving
from ._settings import Headers, Settings, headers_of

T = TypeVar("T")

_Method: TypeAlias = "grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]"
AsyncDuplexCall: TypeAlias = "grpc.aio.StreamStreamCall[bytes, bytes]"


class AsyncConnection:
    """One channel, made when it is first needed, in the event loop that needs it."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._channel: grpc.aio.Channel | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self.is_closed = False

    async def call(self, call: Call[T], timeout: float | None) -> T:
        """What the daemon answers. Raises `KeysideError`."""
        attempts = Attempts(self.settings, timeout)
        while True:
            if attempts.lacks_token():
                await self._await_daemon(attempts)
            headers = attempts.headers()
            try:
                answer = await self._send(call, attempts.left(), headers)
            except grpc.aio.AioRpcError as failure:
                self._raise_if_closed()
                pause = attempts.pause_after(failure)
            else:
                return call.read(answer)
            await asyncio.sleep(pause)

    async def reach(self, timeout: float | None) -> None:
        """Waits for a daemon. Raises `UnavailableError` where none answers."""
        await self._await_daemon(Attempts(self.settings, timeout))

    def open(self, method: str) -> AsyncDuplexCall:
        """Begins a call with messages both ways; it has no deadline."""
        headers = headers_of(self.settings.authorization())
        return self._open_channel().stream_stream(method)(metadata=headers)

    def end_of(self, error: KeysideError) -> KeysideError:
        """The same, unless the client was closed under the call."""
        return cancelled("the client is closed") if self.is_closed else error

    async def close(self) -> None:
        """Calls under way in other tasks end with `CancelledError` of this package."""
        self.is_closed = True
        channel, self._channel = self._channel, None
        if channel is not None:
            await channel.close()

    def _open_channel(self) -> grpc.aio.Channel:
        self._raise_if_closed()
        loop = asyncio.get_running_loop()
        if self._channel is None:
            self._channel, self._loop = _channel_of(self.settings), loop
        elif self._loop is not loop:
            raise RuntimeError("the client belongs to another event loop: make one for each")
        return self._channel

    async def _await_daemon(self, attempts: Attempts) -> None:
        """Asks whoever is there, without a token; what it answers does not matter."""
        while True:
            try:
                await self._send(is_serving(), attempts.left(), ())
            except grpc.aio.AioRpcError as failure:
                self._raise_if_closed()
                pause = attempts.pause_before_daemon(failure)
            else:
                return
            if pause is None:
                return
            await asyncio.sleep(pause)

    async def _send(self, call: Call[T], timeout: float, headers: Headers) -> bytes:
        method: _Method = self._open_channel().unary_unary(call.method)
        asked = times_asked_to_end()
        try:
            return await method(call.request, timeout=timeout, metadata=headers)
        except asyncio.CancelledError:
            if times_asked_to_end() == asked:
                self._raise_if_closed()
            raise

    def _raise_if_closed(self) -> None:
        if self.is_closed:
            raise cancelled("the client is closed") from None


def times_asked_to_end() -> int:
    """How often the task that runs was cancelled: gRPC raises `asyncio.CancelledError` for a call that was ended, too.

    Before Python 3.11 tasks do not tell.
    """
    if sys.version_info < (3, 11):
        return 0
    task = asyncio.current_task()
    return 0 if task is None else task.cancelling()


def _channel_of(settings: Settings) -> grpc.aio.Channel:
    target, options = settings.target, settings.channel_options()
    if target.credentials is None:
        return grpc.aio.insecure_channel(target.uri, options=options)
    return grpc.aio.secure_channel(target.uri, target.credentials, options=options)
