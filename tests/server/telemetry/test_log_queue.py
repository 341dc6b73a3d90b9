"""The queue of log lines: their order, which are dropped, and what is counted."""

import threading
from functools import partial

from facewire_server.telemetry.log_queue import LogQueue, PendingLine

ENDLESS = 1e9


def put(queue: LogQueue, *lines: str, urgent: bool = False) -> None:
    for line in lines:
        queue.put_nowait(PendingLine(partial(str, line), urgent))


def test_lines_come_out_in_the_order_in_which_they_went_in() -> None:
    queue = LogQueue(4, ENDLESS)
    put(queue, "a")
    put(queue, "b", urgent=True)
    put(queue, "c")
    assert [queue.get() for _ in range(3)] == ["a", "b", "c"]


def test_a_line_that_finds_no_room_is_dropped_and_never_formatted() -> None:
    queue, made = LogQueue(2, ENDLESS), list[str]()

    def line() -> str:
        made.append("line")
        return "line"

    for _ in range(5):
        queue.put_nowait(PendingLine(line, urgent=False))
    assert len(made) == 2
    assert queue.dropped == 3


def test_urgent_lines_displace_the_oldest_others() -> None:
    queue = LogQueue(3, ENDLESS)
    put(queue, "a", "b", "c")
    put(queue, "X", "Y", urgent=True)
    put(queue, "d")
    assert queue.dropped == 3
    assert [queue.get() for _ in range(3)] == ["c", "X", "Y"]


def test_a_queue_of_urgent_lines_keeps_the_first() -> None:
    queue = LogQueue(2, ENDLESS)
    put(queue, "X", "Y", "Z", urgent=True)
    assert queue.dropped == 1
    assert [queue.get() for _ in range(2)] == ["X", "Y"]


def test_lines_above_the_rate_are_dropped_and_urgent_ones_are_not() -> None:
    queue = LogQueue(10, rate=0)
    put(queue, *"abcdefgh")
    assert [queue.get() for _ in range(8)] == list("abcdefgh")
    put(queue, *"ijkl")
    put(queue, "X", urgent=True)
    assert [queue.get() for _ in range(3)] == ["i", "j", "X"]
    assert queue.dropped == 2


def test_the_number_of_dropped_lines_comes_out_by_itself() -> None:
    queue = LogQueue(1, ENDLESS)
    put(queue, "a", "b", "c")
    assert queue.get() == "a"
    assert queue.get() == 2


def test_a_late_observer_gets_the_lines_dropped_before() -> None:
    queue, dropped = LogQueue(1, ENDLESS), list[int]()
    put(queue, "a", "b", "c")
    queue.on_dropped(dropped.append)
    put(queue, "d")
    assert dropped == [2, 1]


def test_a_flush_waits_until_the_last_line_is_written() -> None:
    queue = LogQueue(4, ENDLESS)
    put(queue, "a")
    assert not queue.flush(0)
    assert queue.get() == "a"
    assert not queue.flush(0)  # returned, and not written yet
    threading.Thread(target=queue.get, daemon=True).start()
    assert queue.flush(60)


def test_a_flush_reports_how_many_lines_were_dropped() -> None:
    queue, taken = LogQueue(1, ENDLESS), list[str | int]()
    put(queue, "a", "b")

    def take() -> None:
        while True:
            taken.append(queue.get())

    threading.Thread(target=take, daemon=True).start()
    assert queue.flush(60)
    assert sorted(map(str, taken)) == ["1", "a"]
