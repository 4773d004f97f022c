"""What callers hand over, checked before anything is sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from ._error_types import invalid_request

BytesLike: TypeAlias = bytes | bytearray | memoryview
"""Bytes as they come from files, sockets and database drivers."""

MOST = 2**53 - 1
"""The largest whole number of the protocol."""

# What gRPC and threads can wait: a year is as good as for ever.
_LONGEST_SECONDS = 31_536_000.0


def checked_text(text: object, what: str) -> str:
    """The text itself.

    Half a surrogate pair has no UTF-8: what is sent in its place would be another text, and two texts could become one.
    """
    if not isinstance(text, str):
        raise TypeError(f"{what} must be str, not {type(text).__name__}")
    encoded(text, what)
    return text


def encoded(text: str, what: str) -> bytes:
    """The text's UTF-8."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        # It holds the text. What is raised in here would hold it as well, as its context.
        error = invalid_request(f"{what} is not well-formed Unicode")
    raise error


def checked_bytes(value: object, what: str) -> bytes:
    """The bytes, copied where they could change."""
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value)
    raise TypeError(f"{what} must be bytes, bytearray or memoryview, not {type(value).__name__}")


def texts_by_name(texts: object, what: str) -> dict[str, str]:
    """Names and texts, all of which UTF-8 can hold."""
    return {
        checked_text(name, f"the name of {what}"): checked_text(text, f"a value of {what}")
        for name, text in _mapping(texts, what).items()
    }


def ciphertexts_by_name(fields: object) -> dict[str, bytes]:
    """Fields as they were stored."""
    return {
        checked_text(name, "the name of a field"): checked_bytes(value, "a field")
        for name, value in _mapping(fields, "fields").items()
    }


def plaintexts_by_name(fields: object) -> dict[str, bytes]:
    """Fields to encrypt: texts become UTF-8."""
    return {checked_text(name, "the name of a field"): _plaintext(value) for name, value in _mapping(fields, "fields").items()}


def checked_count(value: object, what: str) -> int:
    """A number of bytes that the wire can carry: a negative one would be sent as a huge one."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{what} must be int, not {type(value).__name__}")
    if not 0 <= value <= MOST:
        raise invalid_request(f"{what} is not a whole number from 0 to 2^53 - 1")
    return value


def checked_attempts(value: object, what: str) -> int:
    """How often something is tried: once at least."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{what} must be int, not {type(value).__name__}")
    if value < 1:
        raise ValueError(f"{what} must be 1 or more")
    return value


def checked_seconds(value: object, what: str, *, least: float = 0.0) -> float:
    """A time to wait: more than nothing, or with `least` below 0 nothing at all."""
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        raise TypeError(f"{what} must be a number of seconds, not {type(value).__name__}")
    if not value > least:
        raise ValueError(f"{what} must be above 0")
    return min(float(value), _LONGEST_SECONDS)


def _plaintext(value: object) -> bytes:
    if isinstance(value, str):
        return encoded(value, "the text of a field")
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value)
    raise TypeError(f"a field must be bytes, bytearray, memoryview or str, not {type(value).__name__}")


def _mapping(value: object, what: str) -> Mapping[object, object]:
    if isinstance(value, Mapping):
        return value
    raise TypeError(f"{what} must be a mapping, not {type(value).__name__}")
