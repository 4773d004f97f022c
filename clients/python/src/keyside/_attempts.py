"""When a call is made again: decided here for threads and asyncio alike, which only wait and send."""

from __future__ import annotations

import random
import time

from ._error_types import CallerUnauthenticatedError, DeadlineExceededError, UnavailableError, late_answer
from ._errors import KeysideError
from ._settings import Headers, Settings, headers_of
from ._status import RpcFailure, failure_of, is_unsent
from ._values import checked_seconds

# What a wait before a retry is longer at most than the daemon says, so that not all come back at once.
_JITTER = 0.2
# Between two looks whether there is a connection, in seconds; gRPC makes it by itself.
_LOOK_AGAIN = 0.05


class Attempts:
    """The attempts of one call: what is left of its time, what each says of the caller, and how long to wait after one that failed."""

    __slots__ = ("_address", "_authorization", "_connect_until", "_deadline", "_is_token_renewed", "_made", "_settings")

    def __init__(self, settings: Settings, timeout: float | None) -> None:
        seconds = settings.timeout if timeout is None else checked_seconds(timeout, "timeout")
        now = time.monotonic()
        self._settings = settings
        self._address = settings.target.address
        self._deadline = now + seconds
        self._connect_until = min(now + settings.connect_timeout, self._deadline)
        self._made = 0
        self._authorization: str | None = None
        self._is_token_renewed = False

    def left(self) -> float:
        """Seconds for the next attempt. Raises `DeadlineExceededError` where there are none."""
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise late_answer(self._address)
        return left

    def lacks_token(self) -> bool:
        """Whether the file holds no token yet. A daemon that is starting may be making it: wait for one before `headers` says so."""
        file = self._settings.token_file
        return file is not None and not file.holds_another(None)

    def headers(self) -> Headers:
        """Those of the next attempt, with the token as it is now. Raises `CallerUnauthenticatedError` where there is none."""
        self._authorization = self._settings.authorization()
        return headers_of(self._authorization)

    def pause_after(self, failure: RpcFailure) -> float:
        """Seconds to wait before the next attempt. Raises the call's error where there is none.

        A call that was not sent, for want of a connection, is no attempt; nor is one whose token the daemon refuses while the file holds
        another by now, for it was started anew meanwhile. That happens once.
        """
        if self._is_waited_for(failure):
            return _LOOK_AGAIN
        error = failure_of(failure, self._address)
        if self._renews_token(error):
            return 0.0
        self._made += 1
        pause = self._pause(error)
        if pause is None:
            raise error from None
        return pause

    def pause_before_daemon(self, failure: RpcFailure) -> float | None:
        """Seconds to wait before the next look whether there is a daemon; None where somebody answered, be it with an error.

        Raises `UnavailableError` or `DeadlineExceededError` where none is to be expected any more.
        """
        if self._is_waited_for(failure):
            return _LOOK_AGAIN
        error = failure_of(failure, self._address)
        if isinstance(error, (UnavailableError, DeadlineExceededError)):
            raise error from None
        return None

    def _is_waited_for(self, failure: RpcFailure) -> bool:
        return is_unsent(failure) and time.monotonic() + _LOOK_AGAIN < self._connect_until

    def _renews_token(self, error: KeysideError) -> bool:
        file = self._settings.token_file
        if self._is_token_renewed or file is None or not isinstance(error, CallerUnauthenticatedError):
            return False
        self._is_token_renewed = time.monotonic() < self._deadline and file.holds_another(self._authorization)
        return self._is_token_renewed

    def _pause(self, error: KeysideError) -> float | None:
        if error.retry_after is None or self._made >= self._settings.max_attempts:
            return None
        pause = error.retry_after * (1 + _JITTER * random.random())  # noqa: S311 - nobody gains by guessing it
        return pause if time.monotonic() + pause < self._deadline else None
