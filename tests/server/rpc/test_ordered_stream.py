"""Ordered streams: in order, bounded, and dropping only when asked to."""

import asyncio
from collections.abc import AsyncIterator

from facewire_server.rpc.ordered_stream import LatestSlot, OrderedStream, Pending

Slot = LatestSlot[Pending[int, str]]


async def numbers(count: int, read: list[int] | None = None) -> AsyncIterator[int]:
    for number in range(count):
        if read is not None:
            read.append(number)
        yield number
        await asyncio.sleep(0)


async def collect(stream: OrderedStream[int, str], requests: AsyncIterator[int]) -> list[str]:
    return [answer async for answer in stream.run(requests, asyncio.Event())]


def test_answers_come_in_the_order_of_the_requests_whichever_is_ready_first() -> None:
    async def answer(slot: Slot) -> str:
        number = slot.take().request
        await asyncio.sleep(0.02 if number % 3 == 0 else 0)
        return str(number)

    async def main() -> None:
        stream = OrderedStream(answer, window=4)
        expected = [str(number) for number in range(20)]
        assert await collect(stream, numbers(20)) == expected
        assert not stream.stopped

    asyncio.run(main())


def test_no_more_than_the_window_is_worked_on_or_unsent() -> None:
    read: list[int] = []

    async def answer(slot: Slot) -> str:
        number = slot.take().request
        return str(number)

    async def main() -> None:
        stream = OrderedStream(answer, window=3)
        answers = stream.run(numbers(100, read), asyncio.Event())
        assert await anext(answers) == "0"
        await asyncio.sleep(0.05)
        # Three are held, and one has been read and waits for a place.
        assert len(read) <= 4
        await answers.aclose()

    asyncio.run(main())


def test_newer_requests_replace_one_that_has_not_begun() -> None:
    free = asyncio.Semaphore(1)
    read = asyncio.Event()
    worked: list[int] = []

    async def answer(slot: Slot) -> str:
        async with free:
            number = slot.take().request
            worked.append(number)
            await read.wait()
            return str(number)

    async def requests() -> AsyncIterator[int]:
        async for number in numbers(5):
            yield number
        read.set()

    async def main() -> None:
        stream = OrderedStream(answer, window=1, dropped=lambda number: f"no {number}")
        assert await collect(stream, requests()) == ["0", "no 1", "no 2", "no 3", "4"]
        assert worked == [0, 4]

    asyncio.run(main())


def test_a_request_that_is_refused_is_answered_and_replaces_no_other() -> None:
    read = asyncio.Event()
    worked: list[int] = []

    async def answer(slot: Slot) -> str:
        await read.wait()
        worked.append(slot.take().request)
        return str(worked[-1])

    async def requests() -> AsyncIterator[int]:
        for number in (0, 1, 2, 3):
            yield number
        read.set()

    async def main() -> None:
        stream = OrderedStream(
            answer,
            window=1,
            refused=lambda number: "bad" if number % 2 else None,
            dropped=lambda number: f"no {number}",
        )
        assert await collect(stream, requests()) == ["no 0", "bad", "2", "bad"]
        assert worked == [2]

    asyncio.run(main())


def test_a_request_that_fails_before_it_is_taken_still_has_its_answer() -> None:
    async def answer(slot: Slot) -> str:
        await asyncio.sleep(0.02)
        return f"refused {slot.item.request}"

    async def main() -> None:
        stream = OrderedStream(answer, window=1, dropped=lambda number: f"no {number}")
        assert await collect(stream, numbers(3)) == ["no 0", "no 1", "refused 2"]

    asyncio.run(main())


def test_a_stop_ends_reading_and_answers_what_was_read() -> None:
    async def forever() -> AsyncIterator[int]:
        yield 0
        yield 1
        await asyncio.Event().wait()

    async def answer(slot: Slot) -> str:
        number = slot.take().request
        await asyncio.sleep(0.02)
        return str(number)

    async def main() -> None:
        stop = asyncio.Event()
        stream = OrderedStream(answer, window=4)
        answers = stream.run(forever(), stop)
        first = await anext(answers)
        stop.set()
        rest = [answer async for answer in answers]
        assert [first, *rest] == ["0", "1"]
        assert stream.stopped

    asyncio.run(main())


def test_closing_early_cancels_what_is_in_work() -> None:
    cancelled: list[int] = []

    async def answer(slot: Slot) -> str:
        number = slot.take().request
        if number == 0:
            return "0"
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(number)
            raise
        raise AssertionError

    async def main() -> None:
        stream = OrderedStream(answer, window=3)
        answers = stream.run(numbers(10), asyncio.Event())
        assert await anext(answers) == "0"
        await asyncio.sleep(0.05)
        await answers.aclose()
        await asyncio.sleep(0.05)
        assert sorted(cancelled) == [1, 2]

    asyncio.run(main())


def test_a_fault_while_reading_is_raised_after_what_was_read_is_answered() -> None:
    async def faulty() -> AsyncIterator[int]:
        yield 0
        raise OSError("gone")

    async def answer(slot: Slot) -> str:
        number = slot.take().request
        return str(number)

    async def main() -> None:
        answers: list[str] = []
        error = None
        try:
            async for item in OrderedStream(answer, window=2).run(faulty(), asyncio.Event()):
                answers.append(item)
        except OSError as raised:
            error = raised
        assert answers == ["0"]
        assert str(error) == "gone"

    asyncio.run(main())


def test_a_newer_request_replaces_an_older_one() -> None:
    slot = LatestSlot(1)
    assert slot.replace(2) == 1
    assert slot.replace(3) == 2
    assert slot.item == 3
    assert slot.take() == 3


def test_an_item_that_is_taken_stays() -> None:
    slot = LatestSlot(1)
    assert slot.take() == 1
    assert slot.replace(2) is None
    assert slot.take() == 1
