"""The queue in which clients take turns."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from facewire_server.fair_queue import FairQueue

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


def test_the_turn_goes_round_the_clients() -> None:
    assert emptied(filled("aaabbc")) == ["a0", "b0", "c0", "a1", "b1", "a2"]


def test_an_empty_queue_gives_nothing() -> None:
    assert filled("").pop() is None


def test_an_item_that_is_removed_does_not_come_out() -> None:
    queue = filled("aab")
    assert queue.remove("a", ("a", 0))
    assert not queue.remove("a", ("a", 0))
    assert not queue.remove("nobody", ("a", 0))
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
def test_what_is_said_to_be_ahead_comes_out_before(text: str, client: str) -> None:
    queue = filled(text)
    ahead = {f"{name}{number}" for name, number in queue.ahead(client)}
    queue.push(client, (client, 99))
    out = emptied(queue)
    before = set(out[: out.index(f"{client}99")])
    # Who comes later in the round may have one less before it.
    assert before <= ahead
    assert len(ahead - before) < 5
