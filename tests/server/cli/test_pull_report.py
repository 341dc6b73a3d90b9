"""What a pull shows on standard error."""

import sys

import pytest

from facewire_server.cli.pull_report import PullReport


def show(
    is_terminal: bool, monkeypatch: pytest.MonkeyPatch, *progress: int, note: str = ""
) -> None:
    """A pull of 2 MB that gets to these bytes; with a note after the first of them."""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: is_terminal)
    with PullReport("tiny FP16") as report:
        for there in progress:
            report.progress(there, 2_000_000)
            if note:
                report.note(note)
                note = ""


def test_a_bar_is_as_full_as_the_model(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    show(True, monkeypatch, 500_000, 2_000_000)
    drawn = capsys.readouterr().err
    quarter, whole = drawn.index("25%  0.5 of 2.0 MB"), drawn.index("100%  2.0 of 2.0 MB")
    assert quarter < whole
    assert drawn.count("tiny FP16") == 2
    assert drawn.count("\n") == 1


def test_a_bar_goes_back_with_a_file_that_is_fetched_again(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    show(True, monkeypatch, 2_000_000, 1_000_000)
    assert capsys.readouterr().err.rindex("50%  1.0 of 2.0 MB") > 0


def test_on_a_terminal_notes_stand_between_bars(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    show(True, monkeypatch, 500_000, 2_000_000, note="the server is slow")
    first, note, last, rest = capsys.readouterr().err.split("\n")
    assert "0.5 of 2.0 MB" in first
    assert note == "the server is slow"
    assert "2.0 of 2.0 MB" in last
    assert rest == ""


def test_without_a_terminal_there_is_no_bar(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    show(False, monkeypatch, 500_000, 2_000_000, note="the server is slow")
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "the server is slow\n")
