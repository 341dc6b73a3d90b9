"""The loaded models and the threads that work for them: what the services share."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Self

from facewire_server.config import Config, available_cores
from facewire_server.detector import Detector
from facewire_server.model.runtime import Runtime
from facewire_server.model.source import Source
from facewire_server.registry import Registry
from facewire_server.scheduler import Scheduler

WORKERS_PER_INFERENCE = 2
"""One has its inference, and one decodes the next image meanwhile."""

QUEUED_PER_WORKER = 4
"""The default queue: enough to keep the workers busy, and not so much that whoever is
let in waits several times as long as on a server that is just busy."""


@dataclass(frozen=True, slots=True)
class Backend:
    """Answers requests for any of its models."""

    registry: Registry
    scheduler: Scheduler

    @classmethod
    def load(cls, config: Config) -> Self:
        """Loads and warms the models; takes its time. Raises ModelError."""
        sources = [
            Source.find(model, precision=config.precision, cache=config.cache)
            for model in config.models
        ]
        registry = Registry([Detector(source, config.runtime) for source in sources])
        workers = config.max_parallel
        if workers is None:
            workers = _workers([detector.parallel for detector in registry])
        max_queue = config.max_queue
        if max_queue is None:
            max_queue = QUEUED_PER_WORKER * workers
        scheduler = Scheduler(
            workers=workers,
            max_queue=max_queue,
            max_queued_bytes=config.max_queued_bytes,
        )
        return cls(registry, scheduler)

    async def reload(self, name: str, runtime: Runtime) -> Detector:
        """Reads a model's files again, and lets the new one take over when it is warm.

        Raises ModelError when they are no good: the old one goes on serving.
        """
        old = self.registry.get(name)
        source = await asyncio.to_thread(old.source.again)
        detector = await asyncio.to_thread(Detector, source, runtime)
        self.registry.replace(name, detector)
        return detector


def load_aside(config: Config) -> Future[Backend]:
    """Begins to load the models on a thread, so that the caller can do the rest."""
    thread = ThreadPoolExecutor(1, thread_name_prefix="facewire-load")
    loading = thread.submit(Backend.load, config)
    thread.shutdown(wait=False)
    return loading


def _workers(parallel: Sequence[int]) -> int:
    """How many requests to work on at a time, given what each model can do.

    All models together keep the cores busy and no more, unless one of them alone, on
    another device, can do more.
    """
    inferences = min(sum(parallel), max(available_cores(), *parallel))
    return WORKERS_PER_INFERENCE * inferences
