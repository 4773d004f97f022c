"""When a call is made again: decided here for threads and asyncio alike, which only wait and send."""

from __future__ import annotations

import random
import time

from ._error_types import late_answer
from ._errors import KeysideError
from ._settings import Settings
from ._status import RpcFailure, failure_of, is_unsent
from ._values import checked_seconds

MAX_ATTEMPTS = 4
# What a wait before a retry is longer at most than the daemon says, so that not all come back at once.
_JITTER = 0.2
# Between two looks whether there is a connection, in seconds; gRPC makes it by itself.
_LOOK_AGAIN = 0.05


class Attempts:
    """The attempts of one call: what is left of its time, and how long to wait after one that failed."""

    __slots__ = ("_address", "_connect_until", "_deadline", "_made")

    def __init__(self, settings: Settings, timeout: float | None) -> None:
        seconds = settings.timeout if timeout is None else checked_seconds(timeout, "timeout")
        now = time.monotonic()
        self._address = settings.target.address
        self._deadline = now + seconds
        self._connect_until = min(now + settings.connect_timeout, self._deadline)
        self._made = 0

    def left(self) -> float:
        """Seconds for the next attempt. Raises `DeadlineExceededError` where there are none."""
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise late_answer(self._address)
        return left

    def pause_after(self, failure: RpcFailure) -> float:
        """Seconds to wait before the next attempt. Raises the call's error where there is none.

        A call that was not sent, for want of a connection, is no attempt.
        """
        if is_unsent(failure) and time.monotonic() + _LOOK_AGAIN < self._connect_until:
            return _LOOK_AGAIN
        error = failure_of(failure, self._address)
        self._made += 1
        pause = self._pause(error)
        if pause is None:
            raise error from None
        return pause

    def _pause(self, error: KeysideError) -> float | None:
        if error.retry_after is None or self._made >= MAX_ATTEMPTS:
            return None
        pause = error.retry_after * (1 + _JITTER * random.random())  # noqa: S311 - nobody gains by guessing it
        return pause if time.monotonic() + pause < self._deadline else None
