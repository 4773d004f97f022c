"""When a call is made again."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable

import grpc
import pytest
from conftest import AsyncConnect, Connect, Serve
from fake_daemon import Failure

from keyside import (
    Cancellation,
    CancelledError,
    DeadlineExceededError,
    KmsUnavailableError,
    Metadata,
    OverloadedError,
    UnavailableError,
)
from keyside.v1.crypto_pb2 import EncryptResponse

ACME = Metadata("acme")
FIELDS = {"ssn": "123"}
ENCRYPTED = EncryptResponse(edek=b"\x07").SerializeToString()


def overloaded(retry: float) -> Failure:
    return Failure(grpc.StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED: full", "OVERLOADED", retry=retry)


def never(context: grpc.ServicerContext) -> bytes:
    ended = threading.Event()
    context.add_callback(ended.set)
    ended.wait(20)
    return b""


def test_waits_as_long_as_the_daemon_says_at_least(serve: Serve, connect: Connect) -> None:
    daemon = serve(overloaded(0.05), overloaded(0.05), ENCRYPTED)
    started = time.monotonic()
    assert connect(daemon.address).encrypt(FIELDS, ACME).edek == b"\x07"
    assert time.monotonic() - started >= 0.1
    assert len(daemon.calls) == 3


async def test_waits_with_asyncio_too(serve: Serve, aconnect: AsyncConnect) -> None:
    daemon = serve(overloaded(0.05), overloaded(0.05), ENCRYPTED)
    started = time.monotonic()
    assert (await aconnect(daemon.address).encrypt(FIELDS, ACME)).edek == b"\x07"
    assert time.monotonic() - started >= 0.1
    assert len(daemon.calls) == 3


@pytest.mark.parametrize(("share", "least", "most"), [(0.0, 1.0, 1.0), (0.999, 1.19, 1.2)])
def test_waits_up_to_a_fifth_longer(
    serve: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch, share: float, least: float, most: float
) -> None:
    pauses: list[float] = []
    client = connect(serve(overloaded(1.0), ENCRYPTED).address)
    monkeypatch.setattr(random, "random", lambda: share)
    monkeypatch.setattr("keyside._connection._wait", lambda seconds, _cancellation: pauses.append(seconds))
    client.encrypt(FIELDS, ACME)
    assert len(pauses) == 1
    assert least <= pauses[0] <= most


def test_four_attempts_at_most(serve: Serve, connect: Connect) -> None:
    daemon = serve(overloaded(0.001))
    with pytest.raises(OverloadedError) as caught:
        connect(daemon.address).encrypt(FIELDS, ACME)
    assert len(daemon.calls) == 4
    assert (caught.value.retryable, caught.value.retry_after) == (True, 0.001)


def test_none_where_a_call_is_made_once_at_most(serve: Serve, connect: Connect) -> None:
    daemon = serve(overloaded(0.001), ENCRYPTED)
    with pytest.raises(OverloadedError) as caught:
        connect(daemon.address, max_attempts=1).encrypt(FIELDS, ACME)
    assert len(daemon.calls) == 1
    assert (caught.value.retryable, caught.value.retry_after) == (True, 0.001)


async def test_none_with_asyncio_where_a_call_is_made_once_at_most(serve: Serve, aconnect: AsyncConnect) -> None:
    daemon = serve(overloaded(0.001), ENCRYPTED)
    with pytest.raises(OverloadedError):
        await aconnect(daemon.address, max_attempts=1).encrypt(FIELDS, ACME)
    assert len(daemon.calls) == 1


@pytest.mark.parametrize("attempts", [0, -1])
def test_a_call_is_made_once_at_least(connect: Connect, attempts: int) -> None:
    with pytest.raises(ValueError, match="max_attempts must be 1 or more"):
        connect("127.0.0.1:1", max_attempts=attempts)


@pytest.mark.parametrize("attempts", [2.0, "2", True, None])
def test_a_call_is_made_a_whole_number_of_times(connect: Connect, attempts: object) -> None:
    with pytest.raises(TypeError, match="max_attempts must be int, not"):
        connect("127.0.0.1:1", max_attempts=attempts)


def test_none_where_the_wait_would_reach_beyond_the_deadline(
    serve: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(random, "random", lambda: 0.999)
    daemon = serve(overloaded(30.0))
    started = time.monotonic()
    with pytest.raises(OverloadedError):
        connect(daemon.address).encrypt(FIELDS, ACME, timeout=35.0)
    assert time.monotonic() - started < 15
    assert len(daemon.calls) == 1


def test_with_what_is_left_of_the_deadline(serve: Serve, connect: Connect) -> None:
    daemon = serve(overloaded(0.3), never)
    with pytest.raises(DeadlineExceededError) as caught:
        connect(daemon.address).encrypt(FIELDS, ACME, timeout=1.0)
    first, second = (call.time_left for call in daemon.calls)
    assert first is not None
    assert second is not None
    assert second <= first - 0.3
    assert str(caught.value) == f"DEADLINE_EXCEEDED: no answer from {daemon.address} in time"
    assert caught.value.retryable


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (Failure(grpc.StatusCode.UNAVAILABLE, "KMS_UNAVAILABLE: gone", "KMS_UNAVAILABLE"), KmsUnavailableError),
        (Failure(grpc.StatusCode.UNAVAILABLE, "proxy says no", raw=b""), UnavailableError),
        (Failure(grpc.StatusCode.UNAVAILABLE, "of another", "QUOTA", domain="example.com", retry=0.01), UnavailableError),
    ],
    ids=["no time is named", "no daemon said why", "another system's details"],
)
def test_none_where(serve: Serve, connect: Connect, failure: Failure, kind: type[Exception]) -> None:
    daemon = serve(failure)
    with pytest.raises(kind):
        connect(daemon.address).encrypt(FIELDS, ACME)
    assert len(daemon.calls) == 1


def test_none_where_the_connection_breaks_under_it(serve: Serve, connect: Connect) -> None:
    arrived = threading.Event()

    def hang(context: grpc.ServicerContext) -> bytes:
        arrived.set()
        return never(context)

    daemon = serve(hang)
    client = connect(daemon.address)
    failures: list[UnavailableError] = []

    def call() -> None:
        with pytest.raises(UnavailableError) as caught:
            client.encrypt(FIELDS, ACME)
        failures.append(caught.value)

    caller = threading.Thread(target=call)
    caller.start()
    assert arrived.wait(10)
    daemon.stop()
    caller.join(20)
    assert len(daemon.calls) == 1
    assert failures[0].retryable
    assert f"the connection to {daemon.address} ended before the answer" in str(failures[0])


def cancel_when(ready: Callable[[], bool], cancellation: Cancellation) -> threading.Thread:
    def run() -> None:
        until = time.monotonic() + 10
        while not ready() and time.monotonic() < until:
            time.sleep(0.005)
        cancellation.cancel()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def test_cancelling_ends_the_call_at_the_daemon_too(serve: Serve, connect: Connect) -> None:
    daemon = serve(never)
    cancellation = Cancellation()
    thread = cancel_when(lambda: len(daemon.calls) == 1, cancellation)
    client = connect(daemon.address)
    with pytest.raises(CancelledError) as caught:
        client.encrypt(FIELDS, ACME, cancellation=cancellation)
    thread.join()
    assert str(caught.value) == "CANCELLED: the caller cancelled the call"
    assert daemon.ended.wait(10)
    with pytest.raises(CancelledError):
        client.encrypt(FIELDS, ACME, cancellation=cancellation)


def test_cancelling_ends_the_wait_for_a_retry(serve: Serve, connect: Connect) -> None:
    daemon = serve(overloaded(60.0))
    cancellation = Cancellation()
    thread = cancel_when(daemon.ended.is_set, cancellation)
    started = time.monotonic()
    with pytest.raises(CancelledError):
        connect(daemon.address).encrypt(FIELDS, ACME, timeout=300.0, cancellation=cancellation)
    thread.join()
    assert time.monotonic() - started < 30
    assert len(daemon.calls) == 1


async def test_cancelling_a_task_ends_the_call_at_the_daemon_too(serve: Serve, aconnect: AsyncConnect) -> None:
    import asyncio

    daemon = serve(never)
    task = asyncio.create_task(aconnect(daemon.address).encrypt(FIELDS, ACME))
    while not daemon.calls:  # noqa: ASYNC110 - the daemon is in other threads
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.to_thread(daemon.ended.wait, 10)
