"""What a pull tells on standard error: lines, and a bar where there is a terminal."""

import sys
from types import TracebackType
from typing import Self

import click


class PullReport:
    """Notes as lines; progress as a bar, drawn only on a terminal."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._is_terminal = sys.stderr.isatty()
        self._drawn = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Ends the line of the bar."""
        self._break_line()

    def note(self, line: str) -> None:
        """See Report.note."""
        self._break_line()
        click.echo(line, err=True)

    def progress(self, received: int, size: int) -> None:
        """See Report.progress."""
        if self._is_terminal:
            self._drawn = True
            click.echo(f"\r{bar(self._label, received, size)}", err=True, nl=False)

    def _break_line(self) -> None:
        if self._drawn:
            self._drawn = False
            click.echo(err=True)


def bar(label: str, there: int, size: int, width: int = 30) -> str:
    """A bar of `width` characters for `there` of `size` bytes."""
    done = width * there // size
    of = f"{size / 1e6:.1f}"
    # As wide at the start as at the end: each bar covers the one before it.
    megabytes = f"{there / 1e6:{len(of)}.1f} of {of} MB"
    return f"{label} [{'#' * done}{'-' * (width - done)}] {megabytes}"
