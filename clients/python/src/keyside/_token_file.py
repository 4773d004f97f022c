"""The bearer token."""

from __future__ import annotations

import os
import re
from pathlib import Path

from ._error_types import error_of
from ._errors import KeysideError

# What a header can hold.
_TOKEN = re.compile(rb"[\x21-\x7e]+")


class TokenFile:
    """A bearer token in a file, read again whenever the file has changed. To look costs a microsecond or two at each call."""

    __slots__ = ("_file", "_known")

    def __init__(self, file: str | os.PathLike[str]) -> None:
        self._file = os.fspath(file)
        # In one: threads share it.
        self._known: tuple[tuple[int, int, int], str] | None = None

    def authorization(self) -> str:
        """The value of the `authorization` header. Raises `CallerUnauthenticatedError` where the file holds no token."""
        try:
            found = os.stat(self._file)  # noqa: PTH116 - a path's own object costs as much as the call
            stamp = (found.st_mtime_ns, found.st_ino, found.st_size)
            if self._known is not None and self._known[0] == stamp:
                return self._known[1]
            token = Path(self._file).read_bytes().strip()
        except OSError as cause:
            raise self._unfit(f"cannot be read: {(cause.strerror or 'unreadable').lower()}") from cause
        if _TOKEN.fullmatch(token) is None:
            raise self._unfit("holds no token: one line of printable ASCII")
        header = f"Bearer {token.decode('ascii')}"
        self._known = (stamp, header)
        return header

    def holds_another(self, authorization: str | None) -> bool:
        """Whether there is a token, and not that one."""
        try:
            return self.authorization() != authorization
        except KeysideError:
            return False

    def _unfit(self, says: str) -> KeysideError:
        sentence = f"the token file {self._file} {says}"
        return error_of(sentence, reason="CALLER_UNAUTHENTICATED", code="UNAUTHENTICATED")
