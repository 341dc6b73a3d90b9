"""The dispatcher: gives the work of requests to the scheduler, whichever service they came by.

Rule: both services check, admit and run a request here, so that none has limits of its own.
"""

import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import NamedTuple

from facewire_server.config import Config
from facewire_server.errors import Reason, RefusalError, RequestError
from facewire_server.image.decode import Image
from facewire_server.inference.detector import Detections, Detector, Options
from facewire_server.inference.response_cache import CachedDetection, ResponseCache
from facewire_server.models.registry import Registry
from facewire_server.rpc.call import Call
from facewire_server.rpc.stream_frames import LatestWork
from facewire_server.scheduling.job import FixedWork, Outcome, too_late
from facewire_server.scheduling.scheduler import Scheduler


class Loaded(NamedTuple):
    """The models, and the scheduler of the work for them."""

    registry: Registry[Detector]
    scheduler: Scheduler


Prepare = Callable[[str], Awaitable[None]]
"""Adds a model to the registry that was released, if there is one of this name."""


class Dispatcher:
    """Makes the work of requests, and has it done by the loaded models."""

    def __init__(self, config: Config, cache: ResponseCache | None = None) -> None:
        """`cache` None: each request is worked on."""
        self.reducible = config.scaled_decode
        """See EncodedImage."""
        self._limits = config.image_limits
        self._max_message_bytes = config.max_message_bytes
        self._cache = cache
        self._attached: Loaded | None = None
        self._prepare: Prepare | None = None

    def attach(
        self, registry: Registry[Detector], scheduler: Scheduler, prepare: Prepare | None = None
    ) -> None:
        """Answer requests from now on; before that each one is refused (NOT_READY).

        `prepare` None: models of the registry are never released.
        """
        self._attached = Loaded(registry, scheduler)
        self._prepare = prepare

    @property
    def loaded(self) -> Loaded:
        """The models and their scheduler. Raises RefusalError while they are being loaded."""
        if self._attached is None:
            raise RefusalError(Reason.NOT_READY, "the models are being loaded")
        return self._attached

    async def detector(self, model: str) -> Detector:
        """Look up a model; empty: the default one. Raises FacewireError."""
        registry = self.loaded.registry
        if self._prepare is not None:
            await self._prepare(model)
        return registry.get(model)

    async def room(self, peer: str) -> None:
        """Return when a stream of this peer may be read on; see Scheduler.room."""
        if self._attached is not None:
            await self._attached.scheduler.room(peer)

    def check(self, size: int) -> None:
        """Raise what is wrong with any request that has a message of `size` bytes now.

        RefusalError (NOT_READY) while the models are being loaded, then RequestError
        (MESSAGE_TOO_LARGE).
        """
        _ = self.loaded
        if size > self._max_message_bytes:
            raise RequestError(
                Reason.MESSAGE_TOO_LARGE,
                f"the message has {size} bytes, and the server takes"
                f" {self._max_message_bytes}: see facewire-server serve"
                " --max-message-mb",
            )

    def work(
        self,
        detector: Detector,
        image: Image,
        options: Options,
        size: int,
        *,
        lasting: bool = True,
    ) -> FixedWork[Detections]:
        """Make the work for one image, which holds `size` bytes while it waits.

        `lasting` False: others may change its bytes meanwhile, so that its result is not cached.
        """
        model = detector.description.name
        in_parts = detector.tiled if options.tiling is None else options.tiling
        if self._cache is None or not lasting:
            detect = partial(detector.detect, image, options, self._limits)
            return FixedWork(detect, model, size, in_parts)
        cached = CachedDetection(self._cache, detector, image, options, self._limits)
        return FixedWork(cached.run, model, size, in_parts, cached.early)

    async def run(
        self, work: FixedWork[Detections] | LatestWork, call: Call, *, sheddable: bool = True
    ) -> Outcome[Detections]:
        """Have the work done, unless its result is known. Raises FacewireError."""
        if work.early is not None:
            late = too_late(call.deadline, time.monotonic())
            if late is not None:
                raise late
            known = work.early()
            if known is not None:
                return Outcome(known, 0.0)
        return await self.loaded.scheduler.run(
            work, client=call.peer, deadline=call.deadline, sheddable=sheddable
        )
