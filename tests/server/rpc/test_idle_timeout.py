"""When the peer of a stream is idle, and when the server is at work."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from facewire_server.rpc.idle_timeout import IdleTimeout


async def nothing() -> AsyncIterator[int]:
    await asyncio.Event().wait()
    yield 0


async def one() -> AsyncIterator[int]:
    yield 1


def test_a_peer_that_sends_nothing_is_idle() -> None:
    async def scenario() -> str:
        idle = IdleTimeout(0.01)
        reading = asyncio.ensure_future(anext(idle.observe_requests(nothing())))
        message = await idle.expired()
        reading.cancel()
        return message

    assert asyncio.run(scenario()) == "the client has sent nothing for 0.01 s"


def test_a_peer_is_not_idle_while_nothing_is_read() -> None:
    async def scenario() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(IdleTimeout(0.01).expired(), 0.2)

    asyncio.run(scenario())


def test_a_peer_is_not_idle_while_it_waits_for_an_answer() -> None:
    async def scenario() -> None:
        idle = IdleTimeout(0.01)
        await anext(idle.observe_requests(one()))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(idle.expired(), 0.2)

    asyncio.run(scenario())


def test_a_peer_that_takes_no_answer_is_idle() -> None:
    async def scenario() -> str:
        idle = IdleTimeout(0.01)
        requests = idle.observe_requests(one())
        await anext(requests)
        answers = idle.observe_answers(one())
        await anext(answers)
        return await idle.expired()

    assert asyncio.run(scenario()) == "the client has taken no answer for 0.01 s"


def test_without_a_limit_no_peer_is_idle() -> None:
    async def scenario() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(IdleTimeout(0).expired(), 0.1)

    asyncio.run(scenario())
