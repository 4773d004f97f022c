"""How a thread ends the calls of another."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Cancellation:
    """Ends calls from another thread, at the daemon too: hand it to any number of calls, then `cancel` it, once and for all."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._lock = threading.Lock()
        self._ends: dict[object, Callable[[], object]] = {}

    @property
    def is_cancelled(self) -> bool:
        """Whether `cancel` was called."""
        return self._event.is_set()

    def cancel(self) -> None:
        """The calls end with `CancelledError`, those to come as well. May be called by any thread."""
        self._event.set()
        with self._lock:
            ends = list(self._ends.values())
        for end in ends:
            end()

    def wait(self, timeout: float) -> bool:
        """Waits until it is cancelled, `timeout` seconds at most. Whether it is."""
        return self._event.wait(timeout)

    @contextmanager
    def ending(self, end: Callable[[], object]) -> Iterator[None]:
        """Calls `end` where it is cancelled while the block runs, or was before."""
        key = object()
        with self._lock:
            self._ends[key] = end
        try:
            if self._event.is_set():
                end()
            yield
        finally:
            with self._lock:
                del self._ends[key]
