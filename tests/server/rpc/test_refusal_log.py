"""How many lines refused requests get in the log."""

import asyncio
import logging
from collections.abc import Iterator
from unittest.mock import Mock

import grpc
import pytest

from facewire_server.errors import Reason
from facewire_server.rpc.call import Call
from facewire_server.rpc.refusal_log import LINES, RefusalLog
from facewire_server.rpc.status import Failure

Lines = list[tuple[str, dict[str, object]]]


@pytest.fixture
def call() -> Call:
    context = Mock(grpc.aio.ServicerContext)
    context.time_remaining.return_value = None
    context.peer.return_value = "ipv4:127.0.0.1:1"
    context.invocation_metadata.return_value = (("x-request-id", "mine"),)
    found = Call("facewire.v1.DetectService", "Detect", context)
    found.reason = Reason.QUEUE_FULL
    return found


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Iterator[Lines]:
    """The lines of the log as they are written: message, and reason, code and count."""
    found: Lines = []
    logger = logging.getLogger("facewire_server.service.gate")
    names = ("reason", "code", "request_id", "count")

    def note(record: logging.LogRecord) -> bool:
        fields = {name: getattr(record, name) for name in names if hasattr(record, name)}
        found.append((record.getMessage(), fields))
        return True

    logger.addFilter(note)
    with caplog.at_level(logging.INFO, logger.name):
        yield found
    logger.removeFilter(note)


def failed(reason: Reason) -> Failure:
    return Failure(grpc.StatusCode.RESOURCE_EXHAUSTED, reason, "full")


def test_few_refusals_have_a_line_each(call: Call, lines: Lines) -> None:
    async def main() -> None:
        log = RefusalLog()
        for _ in range(LINES):
            log.add(call, failed(Reason.QUEUE_FULL))
        log.flush()

    asyncio.run(main())
    fields = {"reason": "QUEUE_FULL", "code": "RESOURCE_EXHAUSTED", "request_id": "mine"}
    assert lines == [("refused: full", fields)] * LINES


def test_many_refusals_have_one_more_line_for_each_reason(call: Call, lines: Lines) -> None:
    async def main() -> None:
        log = RefusalLog()
        for _ in range(LINES + 500):
            log.add(call, failed(Reason.QUEUE_FULL))
            log.add(call, failed(Reason.TOO_MANY_CALLS))
        log.flush()

    asyncio.run(main())
    assert len(lines) == 2 * (LINES + 1)
    assert lines[-2:] == [
        ("refused: 500 more within a second", {"reason": reason, "count": 500})
        for reason in ("QUEUE_FULL", "TOO_MANY_CALLS")
    ]


def test_the_line_comes_by_itself_and_then_each_has_its_own_again(
    call: Call, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("facewire_server.rpc.refusal_log.PERIOD_SECONDS", 0.01)

    async def main() -> None:
        log = RefusalLog()
        for _ in range(LINES + 1):
            log.add(call, failed(Reason.QUEUE_FULL))
        while len(lines) < LINES + 1:
            await asyncio.sleep(0.01)
        log.add(call, failed(Reason.QUEUE_FULL))

    asyncio.run(main())
    assert [message for message, _ in lines[-2:]] == [
        "refused: 1 more within a second",
        "refused: full",
    ]
