"""How things that are timed take turns."""

from functools import partial

from benchmarks.rebuild.turns import Spent, take_turns


def test_who_began_ends_the_next_round() -> None:
    calls: list[str] = []
    contestants = [partial(Spent.on, partial(calls.append, name)) for name in "ab"]
    spent = take_turns(3, contestants)
    assert "".join(calls) == "abbaab"
    assert [len(values) for values in spent] == [3, 3]


def test_every_step_is_part_of_a_call() -> None:
    calls: list[str] = []
    Spent.on(partial(calls.append, "infer"), partial(calls.append, "read"))
    assert calls == ["infer", "read"]
