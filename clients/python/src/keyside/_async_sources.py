"""Where a stream's bytes come from, with asyncio."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable
from typing import Protocol, TypeAlias, cast

from ._exchange import PIECE_BYTES, checked_span, pieces_of
from ._values import BytesLike


class AsyncReadable(Protocol):
    """What reads bytes with ``await``, such as `asyncio.StreamReader`: an empty answer is its end."""

    def read(self, size: int, /) -> Awaitable[bytes]:
        """`size` bytes at most."""


AsyncByteSource: TypeAlias = BytesLike | AsyncReadable | AsyncIterable[BytesLike] | Iterable[BytesLike]
"""Bytes, what reads them with ``await``, or an asynchronous or plain iterable of pieces of any length."""

AsyncRangeReader: TypeAlias = Callable[[int, int], Awaitable[AsyncByteSource] | AsyncByteSource]
"""Called with offset and length, counted within the body. Gives exactly these bytes, at once or awaited."""


async def pieces_in(source: AsyncByteSource) -> AsyncIterator[bytes]:
    """What the source gives, in pieces of at most 256 KiB."""
    if isinstance(source, (bytes, bytearray, memoryview)):
        for piece in pieces_of(source):
            yield piece
        return
    async for chunk in _chunks_of(source):
        for piece in pieces_of(chunk):
            yield piece


async def pieces_in_spans(spans: Iterable[tuple[int, int]], body: AsyncRangeReader) -> AsyncIterator[bytes]:
    """The bytes of the body's spans, one after the other."""
    for offset, length in spans:
        answer = body(offset, length)
        source: AsyncByteSource = await answer if inspect.isawaitable(answer) else answer
        given = 0
        async for piece in pieces_in(source):
            given += len(piece)
            yield piece
        checked_span(given, offset, length)


async def _chunks_of(source: AsyncReadable | AsyncIterable[BytesLike] | Iterable[BytesLike]) -> AsyncIterator[object]:
    if isinstance(source, str):
        raise TypeError("a source must give bytes, not str")
    read = getattr(source, "read", None)
    if read is not None:
        async for chunk in _read_from(read):
            yield chunk
    elif isinstance(source, AsyncIterable):
        async for piece in source:
            yield piece
    else:
        for piece in cast("Iterable[BytesLike]", source):
            yield piece


async def _read_from(read: Callable[[int], object]) -> AsyncIterator[bytes]:
    while True:
        answer = read(PIECE_BYTES)
        if not inspect.isawaitable(answer):
            raise TypeError("a source's read must be one to await: a plain file would block all other tasks")
        chunk = await answer
        if len(chunk) == 0:
            return
        yield chunk
