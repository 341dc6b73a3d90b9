"""What a pull shows on standard error."""

import sys

import pytest

from facewire_server.cli.pull_report import PullReport, bar


def show(is_terminal: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: is_terminal)
    with PullReport("tiny FP16") as report:
        report.progress(500_000, 2_000_000)
        report.note("the server is slow")
        report.progress(2_000_000, 2_000_000)


def test_a_bar_is_as_full_as_the_file() -> None:
    assert bar("tiny", 0, 2_000_000, 4) == "tiny [----] 0.0 of 2.0 MB"
    assert bar("tiny", 500_000, 2_000_000, 4) == "tiny [#---] 0.5 of 2.0 MB"
    assert bar("tiny", 2_000_000, 2_000_000, 4) == "tiny [####] 2.0 of 2.0 MB"
    assert bar("tiny", 1_000_000, 20_000_000, 4) == "tiny [----]  1.0 of 20.0 MB"


def test_on_a_terminal_notes_stand_between_bars(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    show(True, monkeypatch)
    first, note, last, rest = capsys.readouterr().err.split("\n")
    assert first == "\r" + bar("tiny FP16", 500_000, 2_000_000)
    assert note == "the server is slow"
    assert last == "\r" + bar("tiny FP16", 2_000_000, 2_000_000)
    assert rest == ""


def test_without_a_terminal_there_is_no_bar(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    show(False, monkeypatch)
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "the server is slow\n")
