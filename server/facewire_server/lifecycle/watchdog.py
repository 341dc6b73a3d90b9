"""Notices when work does not end, and has health say so until it does.

Rule: it only watches. What waits keeps its place, since the work may go on and answer
it; the queue's bound and the callers' deadlines hold meanwhile as they always do.
"""

import asyncio
import logging
import os
import time

from facewire_server.rpc.health import Health
from facewire_server.scheduling.scheduler import Scheduler
from facewire_server.telemetry.metrics import Metrics

logger = logging.getLogger("facewire_server.service.watchdog")

POLL_SECONDS = 1.0
"""How often it looks."""


class Watchdog:
    """Watches the work of a scheduler while `run` runs, on the server's event loop."""

    def __init__(
        self, scheduler: Scheduler, health: Health, metrics: Metrics, *, limit: float
    ) -> None:
        """`limit`: seconds of work on one request that are a stall; 0: none are."""
        self._scheduler = scheduler
        self._health = health
        self._metrics = metrics
        self._limit = limit
        self._stalled_at: float | None = None

    async def run(self) -> None:
        """Looks again and again, until it is cancelled."""
        while self._limit:
            self.look(time.monotonic())
            await asyncio.sleep(POLL_SECONDS)

    def look(self, now: float) -> None:
        """Tells what has changed by `now`, a time of `time.monotonic`."""
        longest = self._scheduler.longest_running(now)
        if longest is not None and longest[1] > self._limit:
            if self._stalled_at is None:
                self._stalled(*longest, now)
        elif self._stalled_at is not None:
            self._recovered(now - self._stalled_at)

    def _stalled(self, model: str, seconds: float, now: float) -> None:
        logger.error(
            "stalled: one request of %s has been worked on for %.1f s;"
            " health is NOT_SERVING until it ends",
            model,
            seconds,
            extra={"model": model, "seconds": round(seconds, 1), "pid": os.getpid()},
        )
        self._stalled_at = now - seconds
        self._metrics.stalled(True)
        self._health.not_serving()

    def _recovered(self, seconds: float) -> None:
        logger.info("no longer stalled after %.1f s; health is SERVING", seconds)
        self._stalled_at = None
        self._metrics.stalled(False)
        self._health.serving()
