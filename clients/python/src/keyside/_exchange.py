"""A stream's state and rules, the same for threads and for asyncio."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from ._error_types import cancelled, invalid_request, late_answer, unexpected_answer
from ._errors import KeysideError
from ._metadata import Metadata, MetadataDefaults
from ._requests import CRYPTO, message_in, optional_bytes
from ._values import MOST, BytesLike, checked_bytes, checked_count
from .v1 import stream_pb2

PIECE_BYTES = 256 * 1024
"""What the daemon works off at once."""

Response = TypeVar("Response", stream_pb2.EncryptStreamResponse, stream_pb2.DecryptStreamResponse)


class _Chunk(Protocol):
    def __call__(self, *, chunk: bytes) -> stream_pb2.EncryptStreamRequest | stream_pb2.DecryptStreamRequest: ...


@dataclass(frozen=True, slots=True, repr=False)
class StreamCall(Generic[Response]):
    """A call with messages both ways, ready to be made."""

    method: str
    first: bytes
    """The message that opens it."""
    request: _Chunk
    response: Callable[[bytes], Response]

    def chunk(self, piece: bytes) -> bytes:
        """The message that carries a piece."""
        return self.request(chunk=piece).SerializeToString()


def encrypt_stream(defaults: MetadataDefaults, metadata: Metadata, detached: bool) -> StreamCall[stream_pb2.EncryptStreamResponse]:
    """CryptoService.EncryptStream."""
    about = defaults.about(metadata)
    opening = stream_pb2.EncryptStreamOpen(
        tenant_id=about.tenant_id, metadata=about.metadata, context=about.context, detached=detached
    )
    first = stream_pb2.EncryptStreamRequest(open=opening).SerializeToString()
    response = stream_pb2.EncryptStreamResponse
    return StreamCall(f"/{CRYPTO}/EncryptStream", first, stream_pb2.EncryptStreamRequest, lambda sent: message_in(response, sent))


def decrypt_stream(
    defaults: MetadataDefaults,
    metadata: Metadata,
    edek: BytesLike | None,
    part: stream_pb2.ByteRange | None = None,
) -> StreamCall[stream_pb2.DecryptStreamResponse]:
    """CryptoService.DecryptStream."""
    about = defaults.about(metadata)
    opening = stream_pb2.DecryptStreamOpen(
        tenant_id=about.tenant_id,
        metadata=about.metadata,
        context=about.context,
        edek=optional_bytes(edek, "edek"),
        range=part,
    )
    first = stream_pb2.DecryptStreamRequest(open=opening).SerializeToString()
    response = stream_pb2.DecryptStreamResponse
    return StreamCall(f"/{CRYPTO}/DecryptStream", first, stream_pb2.DecryptStreamRequest, lambda sent: message_in(response, sent))


def byte_range(offset: int, length: int | None, object_size: int) -> stream_pb2.ByteRange:
    """A part of an object's plaintext."""
    return stream_pb2.ByteRange(
        offset=checked_count(offset, "offset"),
        length=MOST if length is None else checked_count(length, "length"),
        object_size=checked_count(object_size, "object_size"),
    )


def edek_in(message: stream_pb2.EncryptStreamResponse | None) -> bytes:
    """The header, of the first answer."""
    if message is None or message.WhichOneof("message") != "opened":
        raise out_of_order()
    return message.opened.edek


def spans_in(message: stream_pb2.DecryptStreamResponse | None) -> list[tuple[int, int]]:
    """Offset and length of what of the body to send, of the first answer."""
    if message is None or message.WhichOneof("message") != "opened":
        raise out_of_order()
    return [(span.offset, span.length) for span in message.opened.spans]


def checked_span(given: int, offset: int, length: int) -> None:
    """A reader that gives more or less would have the object rejected, and nobody would know why."""
    if given != length:
        raise invalid_request(f"read gave {given} of the {length} bytes at {offset} of the body")


def pieces_of(chunk: object) -> Iterator[bytes]:
    """What a source gave, cut to what is sent at once."""
    if isinstance(chunk, bytes) and len(chunk) <= PIECE_BYTES:
        yield chunk
        return
    view = memoryview(checked_bytes(chunk, "what a source gives"))
    for start in range(0, len(view), PIECE_BYTES):
        yield bytes(view[start : start + PIECE_BYTES])


def out_of_order() -> KeysideError:
    """The daemon did something that the protocol does not have."""
    return unexpected_answer("the daemon did not keep to the order of a stream")


class Turn:
    """Whose turn it is: time runs while somebody waits for the daemon, and the daemon for nobody."""

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._lock = threading.Lock()
        self._is_receiving = self._is_owed = self._is_sending = self._is_sent = False
        self._since: float | None = None

    def left(self) -> float:
        """Seconds until the daemon is late, or until to look again. 0 or less: it is late."""
        with self._lock:
            return self._timeout if self._since is None else self._since + self._timeout - time.monotonic()

    @contextmanager
    def receiving(self, is_owed: bool) -> Iterator[None]:
        """Somebody waits for a message; `is_owed`: which the daemon is to send before it gets another."""
        self._set(is_receiving=True, is_owed=is_owed)
        try:
            yield
        finally:
            self._set(is_receiving=False, is_owed=False)

    def sending(self, is_sending: bool) -> None:
        """A message waits for room at the daemon."""
        self._set(is_sending=is_sending)

    def sent(self) -> None:
        """The daemon has everything."""
        self._set(is_sent=True)

    def _set(self, **claims: bool) -> None:
        with self._lock:
            for claim, holds in claims.items():
                setattr(self, f"_{claim}", holds)
            is_daemons = self._is_receiving and (self._is_owed or self._is_sending or self._is_sent)
            self._since = time.monotonic() if is_daemons else None


class Ending:
    """Why this side ended a stream, if it did, and whether all was said."""

    def __init__(self, address: str) -> None:
        self._address = address
        self.is_sent = False
        self.is_late = False
        self.is_over = False
        self.is_cancelled = False
        self.source_failure: BaseException | None = None

    def own_error(self) -> BaseException | None:
        """What to raise in place of what gRPC says. The source's own error says why, as it is."""
        if self.source_failure is not None:
            return self.source_failure
        if self.is_late:
            return late_answer(self._address)
        return cancelled() if self.is_cancelled else None

    def raise_unless_sent(self) -> None:
        """Postcondition of a stream that ended with OK: the daemon was told everything."""
        if self.source_failure is not None:
            raise self.source_failure
        if not self.is_sent:
            raise out_of_order()
