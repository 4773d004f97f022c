"""Calls of one daemon, made by threads."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from typing import Protocol, TypeAlias, TypeVar, cast

import grpc

from ._attempts import Attempts
from ._cancellation import Cancellation
from ._error_types import cancelled
from ._errors import KeysideError
from ._requests import Call, is_serving
from ._settings import Headers, Settings, headers_of

T = TypeVar("T")

_Method: TypeAlias = "grpc.UnaryUnaryMultiCallable[bytes, bytes]"


class DuplexCall(Protocol):
    """What gRPC gives for a call with messages both ways."""

    def __next__(self) -> bytes:
        """The next message. Raises `StopIteration` at the end of a call that ended with OK, else `grpc.RpcError`."""

    def cancel(self) -> object:
        """Ends it, unless it has ended."""

    def add_callback(self, callback: Callable[[], None], /) -> bool:
        """Called when it has ended. False where it has: then it is not called."""


class Connection:
    """One channel, made when it is first needed. Threads share it, processes do not."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._lock = threading.Lock()
        self._channel: grpc.Channel | None = None
        self._process = 0
        self._is_closed = False

    def call(self, call: Call[T], timeout: float | None, cancellation: Cancellation | None) -> T:
        """What the daemon answers. Raises `KeysideError`."""
        attempts = Attempts(self.settings, timeout)
        while True:
            if attempts.lacks_token():
                self._await_daemon(attempts, cancellation)
            headers = attempts.headers()
            try:
                answer = self._send(call, attempts.left(), headers, cancellation)
            except grpc.RpcError as failure:
                self._raise_if_ended(cancellation)
                pause = attempts.pause_after(failure)  # type: ignore[arg-type]
            else:
                return call.read(answer)
            self._wait(pause, cancellation)

    def reach(self, timeout: float | None, cancellation: Cancellation | None) -> None:
        """Waits for a daemon. Raises `UnavailableError` where none answers."""
        self._await_daemon(Attempts(self.settings, timeout), cancellation)

    def open(self, method: str, requests: Iterator[bytes]) -> DuplexCall:
        """Begins a call with messages both ways; it has no deadline, and `requests` runs in a thread of gRPC's."""
        headers = headers_of(self.settings.authorization())
        stream: grpc.StreamStreamMultiCallable[bytes, bytes] = self._open_channel().stream_stream(method)
        try:
            return cast("DuplexCall", stream(requests, metadata=headers))
        except ValueError:
            self._raise_if_ended(None)  # the channel was closed since
            raise

    def end_of(self, error: KeysideError) -> KeysideError:
        """The same, unless the client was closed under the call."""
        return cancelled("the client is closed") if self._is_closed else error

    def close(self) -> None:
        """Calls under way in other threads end with `CancelledError`."""
        with self._lock:
            self._is_closed = True
            channel, self._channel = self._channel, None
        if channel is not None and self._process == os.getpid():
            channel.close()

    def _open_channel(self) -> grpc.Channel:
        with self._lock:
            if self._is_closed:
                raise cancelled("the client is closed")
            if self._channel is None or self._process != os.getpid():
                # That of the process from which this one was forked is left to it.
                self._channel = _channel_of(self.settings)
                self._process = os.getpid()
            return self._channel

    def _await_daemon(self, attempts: Attempts, cancellation: Cancellation | None) -> None:
        """Asks whoever is there, without a token; what it answers does not matter."""
        while True:
            try:
                self._send(is_serving(), attempts.left(), (), cancellation)
            except grpc.RpcError as failure:
                self._raise_if_ended(cancellation)
                pause = attempts.pause_before_daemon(failure)  # type: ignore[arg-type]
            else:
                return
            if pause is None:
                return
            self._wait(pause, cancellation)

    def _send(self, call: Call[T], timeout: float, headers: Headers, cancellation: Cancellation | None) -> bytes:
        method: _Method = self._open_channel().unary_unary(call.method)
        try:
            return _once(method, call.request, timeout, headers, cancellation)
        except ValueError:
            self._raise_if_ended(None)  # the channel was closed since
            raise

    def _wait(self, seconds: float, cancellation: Cancellation | None) -> None:
        _wait(seconds, cancellation)
        self._raise_if_ended(cancellation)

    def _raise_if_ended(self, cancellation: Cancellation | None) -> None:
        if cancellation is not None and cancellation.is_cancelled:
            raise cancelled() from None
        if self._is_closed:
            raise cancelled("the client is closed") from None


def _channel_of(settings: Settings) -> grpc.Channel:
    target, options = settings.target, settings.channel_options()
    if target.credentials is None:
        return grpc.insecure_channel(target.uri, options=options)
    return grpc.secure_channel(target.uri, target.credentials, options=options)


def _once(
    method: _Method,
    request: bytes,
    timeout: float,
    headers: Headers,
    cancellation: Cancellation | None,
) -> bytes:
    if cancellation is None:
        return method(request, timeout=timeout, metadata=headers)
    future = method.future(request, timeout=timeout, metadata=headers)
    with cancellation.ending(future.cancel):
        try:
            return future.result()
        except grpc.FutureCancelledError:
            raise cancelled() from None


def _wait(seconds: float, cancellation: Cancellation | None) -> None:
    if cancellation is None:
        time.sleep(seconds)
    else:
        cancellation.wait(seconds)
