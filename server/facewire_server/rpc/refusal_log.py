"""The log of refused requests: one line for each, or for many of one reason together.

Rule: how much is logged does not follow how much is refused. Many callers that are
refused would cost the server more by their lines than by their calls.
"""

import asyncio
import logging
from collections import Counter

from facewire_server.rpc.call import Call
from facewire_server.rpc.status import Failure

logger = logging.getLogger("facewire_server.service.gate")

LINES = 10
"""Lines of one reason in a period; what is refused beyond is counted in one more line."""

PERIOD_SECONDS = 1.0
"""A period, from the first refusal after the last one."""


class RefusalLog:
    """Logs what one server refuses. Runs on its event loop."""

    def __init__(self) -> None:
        self._refused: Counter[str] = Counter()
        self._end: asyncio.TimerHandle | None = None

    def add(self, call: Call, failed: Failure) -> None:
        """Log a refused request, or count it for the line at the end of the period."""
        if not logger.isEnabledFor(logging.INFO):
            return
        if self._end is None:
            self._end = asyncio.get_running_loop().call_later(PERIOD_SECONDS, self.flush)
        self._refused[failed.reason] += 1
        if self._refused[failed.reason] <= LINES:
            fields = call.log_fields(failed.code)
            logger.info("refused: %s", failed.message, extra=fields)

    def flush(self) -> None:
        """End the period: log how many were refused without a line of their own."""
        if self._end is not None:
            self._end.cancel()
            self._end = None
        for reason, count in self._refused.items():
            if count > LINES:
                fields = {"reason": reason, "count": count - LINES}
                logger.info("refused: %d more within a second", count - LINES, extra=fields)
        self._refused.clear()
