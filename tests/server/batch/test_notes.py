"""The head of a cluster keeps what workers note."""

import pytest

from facewire_server.batch.ledger import Notes

pytestmark = pytest.mark.filterwarnings("ignore:::ray")


@pytest.mark.usefixtures("_ray")
def test_notes_of_jobs_are_apart_and_go_with_their_job() -> None:
    import ray

    from facewire_server.batch.notes import ClusterNotes

    @ray.remote
    def written_by_another(notes: Notes) -> str | None:
        notes.write(10, "by another")
        return notes.read(1)

    one, other = ClusterNotes("a"), ClusterNotes("b")
    assert one.read(1) is None
    one.write(1, "first")
    one.write(1, "second")
    other.write(1, "other")
    assert ray.get(written_by_another.remote(one)) == "second"
    assert one.read(10) == "by another"
    one.remove(1)
    one.remove(1)
    assert (one.read(1), other.read(1)) == (None, "other")
    one.clear()
    assert (one.read(10), other.read(1)) == (None, "other")
    other.clear()
