"""The accounts of a soak: they notice what does not add up."""

from collections import Counter

from benchmarks.soak.ledger import CANCELLED, FULL, OK, Kind, Ledger

GOOD = Kind("good", "Detect", frozenset((OK, FULL)))
LEFT = Kind("left", "Detect", frozenset((OK, CANCELLED)))


def ledger(*ends: tuple[Kind, str]) -> Ledger:
    kept = Ledger()
    for kind, outcome in ends:
        kept.send(kind)
        kept.end(kind, outcome)
    return kept


def test_what_adds_up_is_no_problem() -> None:
    assert list(ledger((GOOD, OK), (GOOD, FULL), (LEFT, CANCELLED)).problems()) == []


def test_a_request_without_an_outcome_is_noticed() -> None:
    kept = ledger((GOOD, OK))
    kept.send(GOOD)
    assert list(kept.problems()) == ["good: 2 sent, but 1 answered or failed"]


def test_an_outcome_of_another_kind_is_noticed() -> None:
    kept = ledger((GOOD, CANCELLED))
    assert list(kept.problems()) == ["good: 1 ended with CANCELLED"]


def test_a_wrong_answer_is_noticed() -> None:
    kept = ledger((GOOD, OK))
    kept.mistake("")
    assert list(kept.problems()) == []
    kept.mistake("another photo")
    assert list(kept.problems()) == ["1 wrong answers, the first: another photo"]


def test_a_server_may_have_seen_what_callers_left_or_not() -> None:
    kept = ledger((GOOD, OK), (GOOD, FULL), (LEFT, CANCELLED))
    told = Counter({("Detect", "OK"): 1, ("Detect", "RESOURCE_EXHAUSTED"): 1})
    for code in (OK, CANCELLED, "INTERNAL"):
        assert list(kept.disagreements(told + Counter({("Detect", code): 1}))) == []
    assert list(kept.disagreements(told)) == []


def test_a_server_that_counts_too_few_or_too_many_is_noticed() -> None:
    kept = ledger((GOOD, OK), (LEFT, CANCELLED))
    (few,) = kept.disagreements(Counter({("Detect", "CANCELLED"): 1}))
    assert few == "Detect OK: 1 told, but the server counts 0"
    (many,) = kept.disagreements(Counter({("Detect", "OK"): 3}))
    assert many == "Detect: the server counts 3, but 1 were told and 1 unsure"
