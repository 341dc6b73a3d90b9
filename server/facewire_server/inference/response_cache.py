"""The response cache: detections kept in memory, for when the same image comes again.

Rule: a result is kept by a digest of everything that decides it, and all that is kept, with
its keys and its place in the table, is bounded in bytes. No image is kept, and no error.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Protocol

from facewire_server.image.decode import Image
from facewire_server.image.limits import ImageLimits
from facewire_server.inference.detector import Detections, Detector, Options, Stages
from facewire_server.inference.heads.base import Found

ENTRY_BYTES = 1200
"""What an entry holds beside its rows: key, place in the table, objects, four arrays.

tests/server/inference/test_response_cache.py compares it with what is allocated.
"""

HASHED_AT_ONCE = 256 << 10
"""The most bytes of an image that is hashed on an event loop: that takes 0.2 to 0.5 ms."""

NOT_WORKED_ON = Stages(0.0, 0.0, 0.0)
"""The stages of a result from the cache."""


class Observer(Protocol):
    """Receives the events of a cache, on the thread on which they happen."""

    def cache_hit(self) -> None:
        """A request was answered from the cache."""

    def cache_missed(self) -> None:
        """A request is worked on: its answer was not in the cache."""

    def cache_holds(self, size: int) -> None:
        """The cache takes `size` bytes now."""


class ResponseCache:
    """Results by digest; the one not asked for longest gives way. Thread-safe."""

    def __init__(self, max_bytes: int, observer: Observer) -> None:
        """Keep at most `max_bytes`; a larger result is not kept at all."""
        self.observer = observer
        self._max_bytes = max_bytes
        self._bytes = 0
        self._lock = threading.Lock()
        self._kept: OrderedDict[bytes, Detections] = OrderedDict()

    def get(self, digest: bytes) -> Detections | None:
        """Return what is kept under this digest, with `cached` set; None: nothing."""
        with self._lock:
            kept = self._kept.get(digest)
            if kept is not None:
                self._kept.move_to_end(digest)
        return kept

    def put(self, digest: bytes, detections: Detections) -> None:
        """Keep a copy of a result, and drop older ones until all fits."""
        kept = _compact(detections)
        size = _size(kept)
        if size > self._max_bytes:
            return
        with self._lock:
            replaced = self._kept.pop(digest, None)
            if replaced is not None:
                self._bytes -= _size(replaced)
            # Before the new one enters, so that the bound holds at any time.
            while self._bytes + size > self._max_bytes:
                _, oldest = self._kept.popitem(last=False)
                self._bytes -= _size(oldest)
            self._kept[digest] = kept
            self._bytes += size
            self.observer.cache_holds(self._bytes)


@dataclass(slots=True)
class CachedDetection:
    """The detection in one image, from the cache if its result is there.

    Nothing waits for a detection in the same image that runs: both run then. The bytes of
    `image` must not change meanwhile: what is found would be kept for other bytes.
    """

    cache: ResponseCache
    detector: Detector
    image: Image
    options: Options
    limits: ImageLimits
    _digest: bytes = field(default=b"", init=False)

    def early(self) -> Detections | None:
        """Return the result if it is kept, and hashing takes no longer than a loop can wait."""
        return self._find() if len(self.image.data) <= HASHED_AT_ONCE else None

    def run(self, checkpoint: Callable[..., bool]) -> Detections:
        """Return the result that is kept, or detect and keep it. See Detector.detect.

        It looks even after `early` has: the same image may have been answered meanwhile.
        """
        found = self._find()
        if found is None:
            self.cache.observer.cache_missed()
            found = self.detector.detect(self.image, self.options, self.limits, checkpoint)
            self.cache.put(self._digest, found)
        return found

    def _find(self) -> Detections | None:
        self._digest = self._digest or self._hash()
        found = self.cache.get(self._digest)
        if found is not None:
            self.cache.observer.cache_hit()
        return found

    def _hash(self) -> bytes:
        """The SHA-256 of all that decides the result: all fields of all that is given.

        Where the processor has instructions for it, it takes half the time of BLAKE2b.
        """
        settings = (self.detector.serial, self.options, self.limits)
        # The text holds only names and numbers, and ends where its brackets close: no
        # image can pass for a part of it.
        text = repr((*settings, replace(self.image, data=b"")))
        hashed = sha256(text.encode())
        hashed.update(self.image.data)  # without the GIL
        return hashed.digest()


def _compact(detections: Detections) -> Detections:
    """Copy the rows: those of a detector are parts of arrays for the most that it can find."""
    found = Found(*(array.copy() for array in detections.found.arrays))
    return replace(detections, found=found, stages=NOT_WORKED_ON, cached=True)


def _size(kept: Detections) -> int:
    return ENTRY_BYTES + sum(array.nbytes for array in kept.found.arrays)
