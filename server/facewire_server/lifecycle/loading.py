"""The loaded models and the threads that work for them: what the services share."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Self

from facewire_server.config import Config
from facewire_server.inference.detector import Detector
from facewire_server.models.registry import Registry
from facewire_server.models.source import Source
from facewire_server.scheduling.scheduler import Scheduler
from facewire_server.system.daemon_thread import aside

Loader = Callable[[], Detector]
"""Reads, compiles and warms one model. Raises ModelError."""

WORKERS_PER_INFERENCE = 2
"""One has its inference, and one decodes the next image meanwhile."""

QUEUED_PER_WORKER = 4
"""The default queue: enough to keep the workers busy, and not so much that whoever is
let in waits several times as long as on a server that is just busy."""


@dataclass(frozen=True, slots=True)
class Backend:
    """Answers requests for any of its models."""

    registry: Registry[Detector]
    scheduler: Scheduler

    @classmethod
    def load(cls, config: Config, loaders: Sequence[Loader] = ()) -> Self:
        """Loads and warms the models; takes its time. Raises ModelError.

        `loaders` bring them; without any they are read from where the settings say.
        """
        registry = Registry([load() for load in loaders or _from_disk(config)])
        workers = config.max_parallel
        if workers is None:
            parallel = [detector.parallel for detector in registry]
            workers = _workers(parallel, config.cores)
        max_queue = config.max_queue
        if max_queue is None:
            max_queue = QUEUED_PER_WORKER * workers
        scheduler = Scheduler(
            workers=workers,
            max_queue=max_queue,
            max_queued_bytes=config.max_queued_bytes,
        )
        return cls(registry, scheduler)

    async def reload(self, name: str, load: Loader) -> Detector:
        """Loads a model anew, and lets it take over when it is warm.

        Raises ModelError when it is no good: the old one goes on serving.
        """
        detector = await asyncio.wrap_future(aside(load))
        self.registry.replace(name, detector)
        return detector


def load_aside(config: Config, loaders: Sequence[Loader] = ()) -> Future[Backend]:
    """Begins to load the models on a thread, so that the caller can do the rest.

    See Backend.load.
    """
    thread = ThreadPoolExecutor(1, thread_name_prefix="facewire-load")
    loading = thread.submit(Backend.load, config, loaders)
    thread.shutdown(wait=False)
    return loading


def find_sources(config: Config) -> list[Source]:
    """Where the models lie that the settings name. Raises ModelError."""
    return [
        Source.find(model, precision=config.precision, cache=config.cache)
        for model in config.models
    ]


def _from_disk(config: Config) -> list[Loader]:
    return [partial(Detector, source, config.runtime) for source in find_sources(config)]


def _workers(parallel: Sequence[int], cores: int) -> int:
    """How many requests to work on at a time, given what each model can do.

    All models together keep the cores busy and no more, unless one of them alone, on
    another device, can do more.
    """
    inferences = min(sum(parallel), max(cores, *parallel))
    return WORKERS_PER_INFERENCE * inferences
