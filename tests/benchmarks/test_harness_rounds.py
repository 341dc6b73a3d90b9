"""How measurements alternate."""

from functools import partial

from benchmarks.harness.rounds import alternate, column_medians, medians


def test_every_other_round_is_reversed() -> None:
    calls: list[str] = []
    results = alternate(3, {name: partial(calls.append, name) for name in "ab"})
    assert "".join(calls) == "abbaab"
    assert [len(values) for values in results.values()] == [3, 3]


def test_medians_are_those_of_each_name_and_of_each_column() -> None:
    assert medians({"a": [3, 1, 2], "b": [5]}) == {"a": 2, "b": 5}
    assert column_medians([(1, 9), (3, 7), (2, 8)]) == (2, 8)
