"""The ledger finds a photo that ends its worker, and accuses no other."""

import pytest

from facewire_server.batch.ledger import Ledger
from tests.server.batch.notes import NotesHere

NONE = frozenset[int]()


@pytest.fixture
def notes() -> NotesHere:
    """Notes in which nothing is written."""
    return NotesHere()


def die_at(notes: NotesHere, *numbers: int) -> None:
    """Begin part 0 with a worker that dies at the last of these photos."""
    ledger = Ledger(notes)
    is_noted, _ = ledger.begin(0)
    for number in numbers:
        assert is_noted
        ledger.note(0, number)


def test_a_part_that_is_begun_once_notes_nothing(notes: NotesHere) -> None:
    ledger = Ledger(notes)
    assert ledger.begin(0) == (False, NONE)
    assert ledger.begin(8) == (False, NONE)


def test_a_photo_that_ends_two_workers_which_note_is_left_alone(notes: NotesHere) -> None:
    die_at(notes)
    for _ in range(2):
        assert Ledger(notes).begin(8)[1] == NONE
        die_at(notes, 0, 1, 2, 3)
    assert Ledger(notes).begin(0) == (True, frozenset({3}))
    assert Ledger(notes).begin(0) == (True, frozenset({3}))


def test_a_death_at_another_photo_is_no_second_strike(notes: NotesHere) -> None:
    die_at(notes)
    for last in (3, 4, 5):
        die_at(notes, last)
    assert Ledger(notes).begin(0) == (True, NONE)


def test_a_part_that_is_done_begins_as_at_first(notes: NotesHere) -> None:
    die_at(notes)
    die_at(notes, 7)
    ledger = Ledger(notes)
    ledger.begin(0)
    ledger.note(0, 7)
    ledger.end(0)
    assert notes.texts == {}
    assert Ledger(notes).begin(0) == (False, NONE)
