"""Wakes a thread that waits on descriptors.

Lives here: one descriptor that becomes readable. Never here: who waits. It may be rung from anywhere, a garbage
collection included, and after it was closed: its number may be another file's by then, so no ring gets past the lock.
"""

from __future__ import annotations

import os
import threading


class Bell:
    """Readable from the first ring on until it is hushed."""

    def __init__(self) -> None:
        self._lock = threading.RLock()  # reentrant, since a garbage collection may ring while it is held
        self.descriptor = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)

    def ring(self) -> None:
        """Wake who waits, now or later."""
        with self._lock:
            if self.descriptor >= 0:
                os.eventfd_write(self.descriptor, 1)

    def hush(self) -> None:
        """Forget all rings so far."""
        with self._lock:
            if self.descriptor >= 0:
                try:
                    os.eventfd_read(self.descriptor)
                except BlockingIOError:
                    pass  # nobody rang

    def close(self) -> None:
        """Let go of the descriptor."""
        with self._lock:
            descriptor, self.descriptor = self.descriptor, -1
            if descriptor >= 0:
                os.close(descriptor)

    def forget(self) -> None:
        """Close it in a forked child, where a thread that held the lock does not exist."""
        self._lock = threading.RLock()
        self.close()
