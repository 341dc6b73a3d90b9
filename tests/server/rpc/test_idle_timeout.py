"""Whose turn it is on a stream."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from facewire_server.rpc.idle_timeout import IdleTimeout


async def nothing() -> AsyncIterator[int]:
    await asyncio.Event().wait()
    yield 0


async def one() -> AsyncIterator[int]:
    yield 1


def test_a_peer_that_sends_nothing_is_told_so() -> None:
    async def scenario() -> str:
        lull = IdleTimeout(0.01)
        reading = asyncio.ensure_future(anext(lull.requests(nothing())))
        told = await lull.lasts()
        reading.cancel()
        return told

    assert asyncio.run(scenario()) == "the client has sent nothing for 0.01 s"


def test_the_time_in_which_nothing_is_read_is_not_the_peers() -> None:
    async def scenario() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(IdleTimeout(0.01).lasts(), 0.2)

    asyncio.run(scenario())


def test_the_time_that_an_answer_takes_is_not_the_peers() -> None:
    async def scenario() -> None:
        lull = IdleTimeout(0.01)
        await anext(lull.requests(one()))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(lull.lasts(), 0.2)

    asyncio.run(scenario())


def test_a_peer_that_takes_no_answer_is_told_so() -> None:
    async def scenario() -> str:
        lull = IdleTimeout(0.01)
        requests = lull.requests(one())
        await anext(requests)
        answers = lull.answers(one())
        await anext(answers)
        return await lull.lasts()

    assert asyncio.run(scenario()) == "the client has taken no answer for 0.01 s"


def test_without_a_limit_nothing_lasts_too_long() -> None:
    async def scenario() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(IdleTimeout(0).lasts(), 0.1)

    asyncio.run(scenario())
