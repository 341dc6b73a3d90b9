"""Fetching from a bad network or a wrong server: retried, resumed, or refused."""

import re
import threading
from dataclasses import replace
from pathlib import Path
from threading import Timer

import pytest
from tenacity import RetryCallState, Retrying

from facewire_server.catalogue.cache import ModelCache
from facewire_server.catalogue.catalogue import PublishedModel
from facewire_server.catalogue.fetch import RetryPolicy
from facewire_server.catalogue.pull import pull
from facewire_server.errors import ModelError
from tests.server.catalogue import file_server as serve
from tests.server.catalogue import tiny
from tests.server.catalogue.file_server import Answer, FileServer

BIN = f"{tiny.BASE}/FP16/tiny.bin"


def requested_ranges(server: FileServer) -> list[str | None]:
    """The Range headers of the requests for the weights."""
    return [asked for path, asked in server.requests if path == BIN]


def partial_file(cache: ModelCache, model: PublishedModel) -> Path:
    folder = cache.folder_of(model, "FP16")
    folder.mkdir(parents=True, exist_ok=True)
    return folder / "tiny.bin.part"


def test_a_broken_download_is_resumed(
    cache: ModelCache, model: PublishedModel, server: FileServer, policy: RetryPolicy
) -> None:
    server.answers = [serve.broken_off(50_000), serve.broken_off(70_000)]
    pull(model, None, cache, policy=policy)
    assert cache.problem(model, "FP16") is None
    assert requested_ranges(server) == [None, "bytes=50000-", "bytes=120000-"]


def test_a_short_body_without_a_length_is_resumed(
    cache: ModelCache, model: PublishedModel, server: FileServer, policy: RetryPolicy
) -> None:
    server.answers = [serve.too_little]
    pull(model, None, cache, policy=policy)
    assert requested_ranges(server) == [None, "bytes=299999-"]


def test_a_stalled_download_is_resumed(
    cache: ModelCache, model: PublishedModel, server: FileServer, policy: RetryPolicy
) -> None:
    ended = threading.Event()
    server.answers = [serve.stalled(10_000, ended)]
    pull(model, None, cache, policy=policy)
    ended.set()
    assert requested_ranges(server) == [None, "bytes=10000-"]


@pytest.mark.parametrize(
    ("head", "words"),
    [(False, r"is too slow: \d+ bytes in"), (True, "no whole answer began within 3 s")],
)
def test_a_download_that_is_too_slow_fails(
    cache: ModelCache,
    model: PublishedModel,
    server: FileServer,
    policy: RetryPolicy,
    head: bool,
    words: str,
) -> None:
    ended = threading.Event()
    server.answers = [serve.dripping(ended, head=head)]
    once = replace(policy, retries=0, connect_timeout=0.5, read_timeout=2.5)
    strict = replace(once, window=0.3, window_bytes=10_000)
    with pytest.raises(ModelError, match=rf"{words}.*gave up after 1 attempts"):
        pull(model, None, cache, policy=strict)
    ended.set()


def test_a_download_that_is_slow_but_fast_enough_goes_on(
    cache: ModelCache, model: PublishedModel, server: FileServer, policy: RetryPolicy
) -> None:
    ended = threading.Event()
    server.answers = [serve.dripping(ended)]
    Timer(1, ended.set).start()
    pull(model, None, cache, policy=replace(policy, window=0.2, window_bytes=1))
    assert cache.problem(model, "FP16") is None
    assert len(requested_ranges(server)) == 2


@pytest.mark.parametrize("answer", [serve.status(500), serve.status(503)])
def test_a_server_error_is_retried(
    answer: Answer,
    cache: ModelCache,
    model: PublishedModel,
    server: FileServer,
    policy: RetryPolicy,
) -> None:
    server.answers = [answer, answer]
    pull(model, None, cache, policy=policy)
    assert cache.problem(model, "FP16") is None


def test_after_the_last_retry_the_partial_file_is_kept(
    cache: ModelCache, model: PublishedModel, server: FileServer, policy: RetryPolicy
) -> None:
    server.answers = [serve.broken_off(1000)] * 3
    with pytest.raises(ModelError, match=r"gave up after 3 attempts; type the same"):
        pull(model, None, cache, policy=policy)
    assert partial_file(cache, model).stat().st_size == 3000
    assert cache.complete(model) == ()


class Lines:
    """A report that collects its lines."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def note(self, line: str) -> None:
        self.lines.append(line)

    def progress(self, received: int, size: int) -> None:
        pass


def test_each_retry_is_noted_with_its_wait(
    cache: ModelCache, model: PublishedModel, server: FileServer, policy: RetryPolicy
) -> None:
    server.answers = [serve.status(503), serve.broken_off(1000)]
    report = Lines()
    pull(model, None, cache, policy=policy, report=report)
    url = f"{server.url}{BIN}"
    first, second = report.lines
    assert re.fullmatch(rf"{url} answers 503 .*; trying again in 0\.0 s", first)
    assert re.fullmatch(rf"{url}.*; trying again in 0\.0 s", second)


def test_waits_double_up_to_the_longest() -> None:
    policy = RetryPolicy(first_wait=1, longest_wait=5)
    state = RetryCallState(Retrying(), None, (), {})
    for attempt, expected in enumerate((1, 2, 4, 5, 5), start=1):
        state.attempt_number = attempt
        assert 0.5 * expected <= policy.wait(state) <= 1.5 * expected


def test_progress_starts_the_count_of_failures_anew(
    cache: ModelCache, model: PublishedModel, server: FileServer
) -> None:
    server.answers = [serve.broken_off(40_000)] * 6
    policy = RetryPolicy(retries=1, first_wait=0.01, progress=40_000)
    pull(model, None, cache, policy=policy)
    assert cache.problem(model, "FP16") is None


def test_a_server_without_ranges_sends_the_whole_file_again(
    cache: ModelCache, model: PublishedModel, server: FileServer, policy: RetryPolicy
) -> None:
    partial_file(cache, model).write_bytes(tiny.BIN[:1000])
    server.answers = [serve.without_ranges]
    pull(model, None, cache, policy=policy)
    assert requested_ranges(server) == ["bytes=1000-"]
    assert cache.problem(model, "FP16") is None


@pytest.mark.parametrize("answer", [serve.nothing_left, serve.another_range])
def test_an_unusable_range_is_retried_from_the_first_byte(
    answer: Answer,
    cache: ModelCache,
    model: PublishedModel,
    server: FileServer,
    policy: RetryPolicy,
) -> None:
    partial_file(cache, model).write_bytes(tiny.BIN[:1000])
    server.answers = [answer]
    pull(model, None, cache, policy=policy)
    assert requested_ranges(server) == ["bytes=1000-", None]
    assert cache.problem(model, "FP16") is None


@pytest.mark.parametrize("content", [b"of another file", tiny.BIN[::-1], bytes(400_000)])
def test_a_partial_file_of_other_bytes_is_fetched_again(
    content: bytes,
    cache: ModelCache,
    model: PublishedModel,
    server: FileServer,
    policy: RetryPolicy,
) -> None:
    partial_file(cache, model).write_bytes(content)
    pull(model, None, cache, policy=policy)
    assert requested_ranges(server)[-1] is None
    assert cache.problem(model, "FP16") is None


def test_a_file_of_the_right_length_and_the_wrong_hash_is_refused(
    cache: ModelCache, model: PublishedModel, server: FileServer, policy: RetryPolicy
) -> None:
    server.contents[BIN] = tiny.BIN[::-1]
    with pytest.raises(ModelError, match=r"SHA-384.*it is not the published file"):
        pull(model, None, cache, policy=policy)
    assert not partial_file(cache, model).exists()
    assert cache.complete(model) == ()


def test_a_missing_file_is_refused_with_its_address(
    cache: ModelCache, model: PublishedModel, server: FileServer, policy: RetryPolicy
) -> None:
    del server.contents[BIN]
    with pytest.raises(ModelError, match=f"not at {server.url}{BIN} .404 Not Found"):
        pull(model, None, cache, policy=policy)


def test_without_the_second_file_the_first_is_not_installed(
    cache: ModelCache, model: PublishedModel, server: FileServer, policy: RetryPolicy
) -> None:
    del server.contents[f"{tiny.BASE}/FP16/tiny.xml"]
    with pytest.raises(ModelError, match=r"tiny.xml is not at"):
        pull(model, None, cache, policy=policy)
    assert partial_file(cache, model).read_bytes() == tiny.BIN
    assert not partial_file(cache, model).with_suffix("").exists()
