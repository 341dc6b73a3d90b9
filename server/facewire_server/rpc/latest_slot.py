"""A place in the work that belongs to the newest request until it begins."""

import threading
from typing import Generic, TypeVar

Q = TypeVar("Q")


class LatestSlot(Generic[Q]):
    """Holds one request; a newer one may replace it until it is taken.

    Requests are replaced on the event loop's thread, and taken on any.
    """

    def __init__(self, request: Q) -> None:
        self._lock = threading.Lock()
        self._request = request
        self._taken = False

    @property
    def request(self) -> Q:
        """The request as it is now."""
        return self._request

    @property
    def is_taken(self) -> bool:
        """Whether a newer request comes too late."""
        return self._taken

    def take(self) -> Q:
        """The request, which stays the one from now on."""
        with self._lock:
            self._taken = True
            return self._request

    def replace(self, newer: Q) -> Q | None:
        """Puts a newer request in and returns the older; None: it was taken."""
        with self._lock:
            if self._taken:
                return None
            older, self._request = self._request, newer
            return older
