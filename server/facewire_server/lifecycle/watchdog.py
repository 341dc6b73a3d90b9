"""The watchdog: health is NOT_SERVING while one request is worked on for too long.

Rule: it only reports. Requests that wait stay in the queue, since the work may go on and
answer them; the limit of the queue and the deadlines of callers hold as always.
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
"""Seconds between two checks."""


class Watchdog:
    """Checks the jobs of a scheduler while `run` runs, on the server's event loop."""

    def __init__(
        self, scheduler: Scheduler, health: Health, metrics: Metrics, *, limit: float
    ) -> None:
        """`limit`: work on one request for more seconds is a stall; 0: no checks."""
        self._scheduler = scheduler
        self._health = health
        self._metrics = metrics
        self._limit = limit
        self._stalled_since: float | None = None

    async def run(self) -> None:
        """Check every POLL_SECONDS, until it is cancelled."""
        while self._limit:
            self.check(time.monotonic())
            await asyncio.sleep(POLL_SECONDS)

    def check(self, now: float) -> None:
        """Report a stall that has begun or ended by `now`, a time of `time.monotonic`."""
        longest = self._scheduler.longest_running(now)
        if longest is not None and longest[1] > self._limit:
            if self._stalled_since is None:
                self._report_stall(*longest, now)
        elif self._stalled_since is not None:
            self._report_recovery(now - self._stalled_since)

    def _report_stall(self, model: str, seconds: float, now: float) -> None:
        logger.error(
            "stalled: one request of %s has been worked on for %.1f s;"
            " health is NOT_SERVING until it ends",
            model,
            seconds,
            extra={"model": model, "seconds": round(seconds, 1), "pid": os.getpid()},
        )
        self._stalled_since = now - seconds
        self._metrics.stalled(True)
        self._health.not_serving()

    def _report_recovery(self, seconds: float) -> None:
        logger.info("no longer stalled after %.1f s; health is SERVING", seconds)
        self._stalled_since = None
        self._metrics.stalled(False)
        self._health.serving()
