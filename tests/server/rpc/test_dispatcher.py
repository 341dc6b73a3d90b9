"""The dispatcher: what a request meets before the scheduler."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from facewire_server.config import Config
from facewire_server.errors import Reason, RefusalError
from facewire_server.rpc.call import Call
from facewire_server.rpc.dispatcher import Dispatcher
from facewire_server.scheduling.job import FixedWork


def call_with_deadline(seconds: float) -> Call:
    """Make a request whose deadline is this far ahead, in no gRPC call."""
    context: Any = SimpleNamespace(time_remaining=lambda: seconds, peer=lambda: "peer")
    return Call("service", "method", context)


def test_a_model_is_prepared_before_it_is_looked_up() -> None:
    dispatcher, prepared = Dispatcher(Config()), list[str]()
    registry: Any = SimpleNamespace(get=lambda name: (name, *prepared))

    async def prepare(name: str) -> None:
        prepared.append(f"prepared {name}")

    dispatcher.attach(registry, cast(Any, None), prepare)
    found: Any = asyncio.run(dispatcher.detector("a"))
    assert found == ("a", "prepared a")


def test_a_result_that_is_known_comes_too_late_after_the_deadline() -> None:
    dispatcher = Dispatcher(Config())
    known: Any = object()
    work: FixedWork[Any] = FixedWork(lambda _: pytest.fail(), "m", early=lambda: known)
    in_time, late = (call_with_deadline(seconds) for seconds in (60, -1))
    assert asyncio.run(dispatcher.run(work, in_time)).value is known
    with pytest.raises(RefusalError) as caught:
        asyncio.run(dispatcher.run(work, late))
    assert caught.value.reason is Reason.DEADLINE_UNREACHABLE
