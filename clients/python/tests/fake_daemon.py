"""A gRPC server within the test's process that does with calls what the test says."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeAlias

import grpc
from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

HEALTH = "/grpc.health.v1.Health/Check"
SERVING = b"\x08\x01"


@dataclass(frozen=True)
class Failure:
    """What a failed call is answered with."""

    code: grpc.StatusCode
    message: str
    reason: str | None = None
    domain: str = "keyside.dev"
    metadata: Mapping[str, str] = field(default_factory=dict)
    retry: float | None = None
    raw: bytes | None = None

    def status(self) -> Status:
        details = []
        if self.reason is not None:
            details.append(packed(ErrorInfo(reason=self.reason, domain=self.domain, metadata=self.metadata)))
        if self.retry is not None:
            delay = Duration(seconds=int(self.retry), nanos=round(self.retry % 1 * 1e9))
            details.append(packed(RetryInfo(retry_delay=delay)))
        return Status(code=self.code.value[0], message=self.message, details=details)


@dataclass(frozen=True)
class SeenCall:
    """A call as it arrived."""

    method: str
    headers: Mapping[str, str | bytes]
    request: bytes
    time_left: float | None
    peer: str


Stream: TypeAlias = Callable[[Iterator[bytes], grpc.ServicerContext], Iterator[bytes]]
Answer: TypeAlias = bytes | Failure | Callable[[grpc.ServicerContext], bytes] | Stream


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def packed(message: ErrorInfo | RetryInfo) -> Any:
    detail = Any()
    detail.Pack(message)
    return detail


def fail(context: grpc.ServicerContext, failure: Failure) -> None:
    raw = failure.raw if failure.raw is not None else failure.status().SerializeToString()
    if raw:
        context.set_trailing_metadata((("grpc-status-details-bin", raw),))
    context.abort(failure.code, failure.message)


class FakeDaemon(grpc.GenericRpcHandler):
    """One answer for each call; the last one for all that follow. Health checks are answered apart and not counted."""

    def __init__(self, *answers: Answer, port: int = 0) -> None:
        self.calls: list[SeenCall] = []
        self.ended = threading.Event()
        self._answers = list(answers)
        self._server = grpc.server(ThreadPoolExecutor(32), options=[("grpc.so_reuseport", 0)])
        self._server.add_generic_rpc_handlers((self,))
        self.port = self._server.add_insecure_port(f"127.0.0.1:{port}")
        self.address = f"127.0.0.1:{self.port}"
        self._server.start()

    def service(self, call: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[bytes, bytes] | None:
        method = call.method
        headers = dict(call.invocation_metadata)
        if method == HEALTH:
            return grpc.unary_unary_rpc_method_handler(lambda _request, _context: SERVING)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if method.endswith("Stream"):
            return grpc.stream_stream_rpc_method_handler(
                lambda requests, context: self._stream(method, headers, requests, context, answer)
            )
        return grpc.unary_unary_rpc_method_handler(lambda request, context: self._unary(method, headers, request, context, answer))

    def stop(self) -> None:
        self._server.stop(0).wait()

    def _unary(
        self,
        method: str,
        headers: Mapping[str, str | bytes],
        request: bytes,
        context: grpc.ServicerContext,
        answer: Answer,
    ) -> bytes:
        self._see(method, headers, request, context)
        if isinstance(answer, Failure):
            fail(context, answer)
        return answer if isinstance(answer, bytes) else answer(context)  # type: ignore[arg-type, call-arg, operator, return-value]

    def _stream(
        self,
        method: str,
        headers: Mapping[str, str | bytes],
        requests: Iterator[bytes],
        context: grpc.ServicerContext,
        answer: Answer,
    ) -> Iterator[bytes]:
        self._see(method, headers, b"", context)
        if isinstance(answer, Failure):
            fail(context, answer)
        yield from answer(requests, context)  # type: ignore[arg-type, call-arg, operator, misc]

    def _see(self, method: str, headers: Mapping[str, str | bytes], request: bytes, context: grpc.ServicerContext) -> None:
        context.add_callback(self.ended.set)
        left = context.time_remaining()
        self.calls.append(SeenCall(method, headers, request, left, context.peer()))
