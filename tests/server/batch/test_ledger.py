"""The ledger finds a photo that ends its worker, and accuses no other."""

from facewire_server.batch.ledger import Ledger


def test_a_part_that_is_begun_once_notes_nothing() -> None:
    ledger = Ledger()
    assert ledger.begin(0) == (False, frozenset())
    assert ledger.begin(8) == (False, frozenset())


def test_a_photo_that_ends_two_workers_which_note_is_left_alone() -> None:
    ledger = Ledger()
    ledger.begin(0)
    for _ in range(2):
        assert ledger.begin(0) == (True, frozenset())
        for number in range(4):
            ledger.note(0, number)
    assert ledger.begin(0) == (True, frozenset({3}))


def test_a_death_at_another_photo_is_no_second_strike() -> None:
    ledger = Ledger()
    ledger.begin(0)
    for last in (3, 4, 5):
        ledger.begin(0)
        ledger.note(0, last)
    assert ledger.begin(0) == (True, frozenset())


def test_the_last_photo_of_a_part_that_is_done_is_not_accused() -> None:
    ledger = Ledger()
    ledger.begin(0)
    for _ in range(3):
        ledger.begin(0)
        ledger.note(0, 7)
        ledger.end(0)
    assert ledger.begin(0) == (True, frozenset())
