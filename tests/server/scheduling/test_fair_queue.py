"""The queue in which clients take turns."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from facewire_server.scheduling.fair_queue import FairQueue

Item = tuple[str, int]


def filled(clients: str) -> FairQueue[Item]:
    """A queue with one item for each letter, numbered for each client."""
    queue: FairQueue[Item] = FairQueue()
    numbers: Counter[str] = Counter()
    for client in clients:
        queue.push(client, (client, numbers[client]))
        numbers[client] += 1
    return queue


def emptied(queue: FairQueue[Item]) -> list[str]:
    items = []
    while (item := queue.pop()) is not None:
        items.append(f"{item[0]}{item[1]}")
    return items


def test_clients_are_served_round_robin() -> None:
    assert emptied(filled("aaabbc")) == ["a0", "b0", "c0", "a1", "b1", "a2"]


def test_an_empty_queue_gives_nothing() -> None:
    assert filled("").pop() is None


def test_an_item_that_is_removed_does_not_come_out() -> None:
    queue = filled("aab")
    assert queue.remove("a", ("a", 0))
    assert not queue.remove("a", ("a", 0))
    assert not queue.remove("unknown", ("a", 0))
    assert len(queue) == 2
    assert emptied(queue) == ["a1", "b0"]


clients = st.text("abcd", max_size=30)


@given(clients)
def test_each_client_is_served_in_order_and_nothing_is_lost(text: str) -> None:
    queue = filled(text)
    assert len(queue) == len(text)
    out = emptied(queue)
    for client in set(text):
        own = [item for item in out if item[0] == client]
        assert own == [f"{client}{number}" for number in range(text.count(client))]
    assert len(out) == len(text)


@given(clients, st.sampled_from("abcde"))
def test_as_many_are_said_to_be_ahead_as_can_come_out_before(text: str, client: str) -> None:
    queue = filled(text)
    ahead = queue.ahead(client)
    own = text.count(client)
    assert ahead == sum(min(text.count(each), own + 1) for each in set(text))
    queue.push(client, (client, 99))
    before = emptied(queue).index(f"{client}99")
    # Who comes later in the round may have one less before it.
    assert before <= ahead < before + 5


@given(clients)
def test_what_is_taken_out_is_no_more_ahead_of_anyone(text: str) -> None:
    queue = filled(text)
    for client in set(text):
        for item in list(queue.line(client)):
            assert queue.remove(client, item)
    assert queue.ahead("a") == len(queue) == 0
