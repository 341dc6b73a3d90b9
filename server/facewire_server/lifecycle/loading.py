"""The loading of the models, and of the scheduler that is sized for them."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Self

from facewire_server.config import Config
from facewire_server.inference.detector import Detector
from facewire_server.inference.runtime import Runtime
from facewire_server.models.registry import Registry
from facewire_server.models.source import Source
from facewire_server.scheduling.scheduler import Scheduler
from facewire_server.system.cpu_quota import available_cores
from facewire_server.system.daemon_thread import run_in_daemon_thread

Loader = Callable[[], Detector]
"""Reads, compiles and warms one model. Raises ModelError."""

WORKERS_PER_INFERENCE = 2
"""While one worker infers, the other decodes the next image."""

QUEUED_PER_WORKER = 4
"""The default length of the queue: enough to keep the workers busy, and not so much that a
request waits several times as long as on a server that is just busy."""


@dataclass(frozen=True, slots=True)
class Backend:
    """The loaded models, and the scheduler of the work for them."""

    registry: Registry[Detector]
    scheduler: Scheduler

    @classmethod
    def load(cls, config: Config, loaders: Sequence[Loader] = (), cores: int | None = None) -> Self:
        """Load and warm the models; takes seconds. Raises ModelError.

        `loaders` load one model each; empty: those that the settings name are loaded.
        `cores` is how many the models may keep busy; None: all that are available.
        """
        registry = Registry([load() for load in loaders or _from_disk(config, cores)])
        workers = config.max_parallel
        if workers is None:
            parallel = [detector.parallel for detector in registry]
            workers = _workers(parallel, cores or available_cores(config.workers))
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
        """Load a model again, and replace the old one when the new one is warm.

        Raises ModelError when it cannot be loaded; the old one goes on serving then.
        """
        detector = await asyncio.wrap_future(run_in_daemon_thread(load))
        self.registry.replace(name, detector)
        return detector


def start_loading(config: Config, loaders: Sequence[Loader] = ()) -> Future[Backend]:
    """Begin to load the models in a background thread. See Backend.load."""
    thread = ThreadPoolExecutor(1, thread_name_prefix="facewire-load")
    loading = thread.submit(Backend.load, config, loaders)
    thread.shutdown(wait=False)
    return loading


def find_sources(config: Config) -> list[Source]:
    """Find the files of the models that the settings name. Raises ModelError."""
    return [
        Source.find(model, precision=config.precision, cache=config.cache)
        for model in config.models
    ]


def _from_disk(config: Config, cores: int | None) -> list[Loader]:
    runtime = Runtime.from_config(config, cores)
    return [partial(Detector, source, runtime) for source in find_sources(config)]


def _workers(parallel: Sequence[int], cores: int) -> int:
    """Return how many jobs run at a time, given how many inferences each model runs at a time.

    All models together keep the cores busy and no more, unless a single one of them, on
    another device, runs more.
    """
    inferences = min(sum(parallel), max(cores, *parallel))
    return WORKERS_PER_INFERENCE * inferences
