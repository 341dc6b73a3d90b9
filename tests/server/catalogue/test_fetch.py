"""A bad network and a lying server: retried, resumed, or refused in one line."""

import threading
from dataclasses import replace
from pathlib import Path
from threading import Timer

import pytest

from facewire_server.catalogue.cache import Cache
from facewire_server.catalogue.entry import Entry
from facewire_server.catalogue.fetch import RetryPolicy
from facewire_server.catalogue.pull import pull
from facewire_server.errors import ModelError
from tests.server.catalogue import file_server as serve
from tests.server.catalogue import tiny
from tests.server.catalogue.file_server import Answer, FileServer

BIN = f"{tiny.BASE}/FP16/tiny.bin"


def ranges(server: FileServer) -> list[str | None]:
    """The ranges that were asked for of the weights."""
    return [asked for path, asked in server.requests if path == BIN]


def part(models: Cache, entry: Entry) -> Path:
    folder = models.folder_of(entry, "FP16")
    folder.mkdir(parents=True, exist_ok=True)
    return folder / "tiny.bin.part"


def test_what_breaks_off_is_gone_on_with(
    models: Cache, entry: Entry, server: FileServer, patience: RetryPolicy
) -> None:
    server.answers = [serve.broken_off(50_000), serve.broken_off(70_000)]
    pull(entry, None, models, patience=patience)
    assert models.problem(entry, "FP16") is None
    assert ranges(server) == [None, "bytes=50000-", "bytes=120000-"]


def test_an_end_before_the_end_is_noticed_without_a_length(
    models: Cache, entry: Entry, server: FileServer, patience: RetryPolicy
) -> None:
    server.answers = [serve.too_little]
    pull(entry, None, models, patience=patience)
    assert ranges(server) == [None, "bytes=299999-"]


def test_a_stalled_server_is_not_waited_for(
    models: Cache, entry: Entry, server: FileServer, patience: RetryPolicy
) -> None:
    ended = threading.Event()
    server.answers = [serve.stalled(10_000, ended)]
    pull(entry, None, models, patience=patience)
    ended.set()
    assert ranges(server) == [None, "bytes=10000-"]


@pytest.mark.parametrize(
    ("head", "words"),
    [(False, r"is too slow: \d+ bytes in"), (True, "no whole answer began within 3 s")],
)
def test_a_server_that_drips_is_given_up(
    models: Cache,
    entry: Entry,
    server: FileServer,
    patience: RetryPolicy,
    head: bool,
    words: str,
) -> None:
    ended = threading.Event()
    server.answers = [serve.dripping(ended, head=head)]
    once = replace(patience, retries=0, connect=0.5, stall=2.5)
    hasty = replace(once, window=0.3, least=10_000)
    with pytest.raises(ModelError, match=rf"{words}.*gave up after 1 attempts"):
        pull(entry, None, models, patience=hasty)
    ended.set()


def test_a_server_that_is_slow_but_not_too_slow_is_waited_for(
    models: Cache, entry: Entry, server: FileServer, patience: RetryPolicy
) -> None:
    ended = threading.Event()
    server.answers = [serve.dripping(ended)]
    Timer(1, ended.set).start()
    pull(entry, None, models, patience=replace(patience, window=0.2, least=1))
    assert models.problem(entry, "FP16") is None
    assert len(ranges(server)) == 2


@pytest.mark.parametrize("answer", [serve.status(500), serve.status(503)])
def test_a_server_in_trouble_is_asked_again(
    answer: Answer,
    models: Cache,
    entry: Entry,
    server: FileServer,
    patience: RetryPolicy,
) -> None:
    server.answers = [answer, answer]
    pull(entry, None, models, patience=patience)
    assert models.problem(entry, "FP16") is None


def test_after_some_failures_in_a_row_it_gives_up_and_keeps_what_is_there(
    models: Cache, entry: Entry, server: FileServer, patience: RetryPolicy
) -> None:
    server.answers = [serve.broken_off(1000)] * 3
    with pytest.raises(ModelError, match=r"gave up after 3 attempts; type the same"):
        pull(entry, None, models, patience=patience)
    assert part(models, entry).stat().st_size == 3000
    assert models.held(entry) == ()


def test_failures_with_progress_between_them_are_not_in_a_row(
    models: Cache, entry: Entry, server: FileServer
) -> None:
    server.answers = [serve.broken_off(40_000)] * 6
    patience = RetryPolicy(retries=1, first_pause=0.01, progress=40_000)
    pull(entry, None, models, patience=patience)
    assert models.problem(entry, "FP16") is None


def test_a_server_without_ranges_sends_all_of_it_again(
    models: Cache, entry: Entry, server: FileServer, patience: RetryPolicy
) -> None:
    part(models, entry).write_bytes(tiny.BIN[:1000])
    server.answers = [serve.without_ranges]
    pull(entry, None, models, patience=patience)
    assert ranges(server) == ["bytes=1000-"]
    assert models.problem(entry, "FP16") is None


@pytest.mark.parametrize("answer", [serve.nothing_left, serve.another_range])
def test_a_range_that_is_not_to_be_had_is_asked_for_from_the_start(
    answer: Answer,
    models: Cache,
    entry: Entry,
    server: FileServer,
    patience: RetryPolicy,
) -> None:
    part(models, entry).write_bytes(tiny.BIN[:1000])
    server.answers = [answer]
    pull(entry, None, models, patience=patience)
    assert ranges(server) == ["bytes=1000-", None]
    assert models.problem(entry, "FP16") is None


@pytest.mark.parametrize("rest", [b"of another file", tiny.BIN[::-1], bytes(400_000)])
def test_the_rest_of_another_file_is_thrown_away(
    rest: bytes, models: Cache, entry: Entry, server: FileServer, patience: RetryPolicy
) -> None:
    part(models, entry).write_bytes(rest)
    pull(entry, None, models, patience=patience)
    assert ranges(server)[-1] is None
    assert models.problem(entry, "FP16") is None


def test_a_redirect_is_followed(
    models: Cache, entry: Entry, server: FileServer, patience: RetryPolicy
) -> None:
    server.contents["/elsewhere"] = tiny.BIN
    server.answers = [serve.status(302, Location="/elsewhere")]
    pull(entry, None, models, patience=patience)
    assert models.problem(entry, "FP16") is None


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (serve.status(403), "tiny.bin answers 403 Forbidden$"),
        (serve.status(301, Location=BIN), "[Rr]edirect"),
        (serve.length_of(299_999), "has 299999 bytes instead of 300000$"),
        (serve.length_of(300_001), "has 300001 bytes instead of 300000$"),
        (serve.too_much, "has more than 300000 bytes$"),
    ],
)
def test_what_asking_again_will_not_change_is_refused_at_once(
    answer: Answer,
    message: str,
    models: Cache,
    entry: Entry,
    server: FileServer,
    patience: RetryPolicy,
) -> None:
    server.answers = [answer] * 30
    with pytest.raises(ModelError, match=message):
        pull(entry, None, models, patience=patience)
    assert models.held(entry) == ()


def test_a_file_of_the_right_length_and_the_wrong_hash_is_refused(
    models: Cache, entry: Entry, server: FileServer, patience: RetryPolicy
) -> None:
    server.contents[BIN] = tiny.BIN[::-1]
    with pytest.raises(ModelError, match=r"SHA-384.*it is not the published file"):
        pull(entry, None, models, patience=patience)
    assert not part(models, entry).exists()
    assert models.held(entry) == ()


def test_a_file_that_is_not_there_is_refused_with_its_address(
    models: Cache, entry: Entry, server: FileServer, patience: RetryPolicy
) -> None:
    del server.contents[BIN]
    with pytest.raises(ModelError, match=f"not at {server.url}{BIN} .404 Not Found"):
        pull(entry, None, models, patience=patience)


def test_without_the_second_file_the_first_is_not_put_in_place(
    models: Cache, entry: Entry, server: FileServer, patience: RetryPolicy
) -> None:
    del server.contents[f"{tiny.BASE}/FP16/tiny.xml"]
    with pytest.raises(ModelError, match=r"tiny.xml is not at"):
        pull(entry, None, models, patience=patience)
    assert part(models, entry).read_bytes() == tiny.BIN
    assert not part(models, entry).with_suffix("").exists()
