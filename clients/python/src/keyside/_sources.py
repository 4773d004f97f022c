"""Where a stream's bytes come from, with threads."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, TypeAlias

from ._exchange import PIECE_BYTES, checked_span, pieces_of
from ._values import BytesLike


class Readable(Protocol):
    """A file opened for reading bytes, or what behaves like one: an empty answer is its end."""

    def read(self, size: int, /) -> bytes:
        """`size` bytes at most."""


class Seekable(Readable, Protocol):
    """A file whose position can be set."""

    def seek(self, offset: int, /) -> object:
        """Sets it, counted from the beginning."""


ByteSource: TypeAlias = BytesLike | Readable | Iterable[BytesLike]
"""Bytes, a file opened for reading bytes, or an iterable of pieces of any length."""

RangeReader: TypeAlias = Callable[[int, int], ByteSource]
"""Called with offset and length, counted within the body. Gives exactly these bytes."""


def pieces_in(source: ByteSource) -> Iterator[bytes]:
    """What the source gives, in pieces of at most 256 KiB."""
    if isinstance(source, (bytes, bytearray, memoryview)):
        yield from pieces_of(source)
        return
    for chunk in chunks_of(source):
        yield from pieces_of(chunk)


def chunks_of(source: Readable | Iterable[BytesLike]) -> Iterator[object]:
    """What a source gives, as it gives it."""
    if isinstance(source, str):
        raise TypeError("a source must give bytes, not str")
    read = getattr(source, "read", None)
    if read is None:
        yield from iter(source)  # type: ignore[arg-type]
        return
    while True:
        chunk = read(PIECE_BYTES)
        if chunk is None:
            raise BlockingIOError("the source has no bytes now: it must be one that blocks")
        if len(chunk) == 0:
            return
        yield chunk


def pieces_in_spans(spans: Iterable[tuple[int, int]], body: RangeReader | Seekable, body_start: int) -> Iterator[bytes]:
    """The bytes of the body's spans, one after the other."""
    for offset, length in spans:
        source = body(offset, length) if callable(body) else _section(body, body_start + offset, length)
        given = 0
        for piece in pieces_in(source):
            given += len(piece)
            yield piece
        checked_span(given, offset, length)


def _section(file: Seekable, offset: int, length: int) -> Iterator[bytes]:
    file.seek(offset)
    while length > 0:
        chunk = file.read(min(length, PIECE_BYTES))
        if not chunk:
            return
        length -= len(chunk)
        yield chunk
