"""The report of a pull on standard error: notes as lines, and a bar on a terminal."""

import sys
from types import TracebackType
from typing import TYPE_CHECKING, Self

import click

if TYPE_CHECKING:
    from click._termui_impl import ProgressBar


class PullReport:
    """Notes as lines; progress as a bar, drawn only on a terminal."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._bar: ProgressBar[int] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the line of the bar."""
        self._end_bar()

    def note(self, line: str) -> None:
        """See Report.note."""
        self._end_bar()
        click.echo(line, err=True)

    def progress(self, received: int, size: int) -> None:
        """See Report.progress."""
        if not sys.stderr.isatty():
            return
        # A file that is fetched again takes the position back. Click's bar stays full once it
        # was full, so that it takes a new one.
        if self._bar is None or received < self._bar.pos:
            self._bar = click.progressbar(
                length=size,
                label=self._label,
                file=sys.stderr,
                show_eta=False,  # it would count bytes of an earlier pull as fetched by this one
                item_show_func=lambda done: f"{(done or 0) / 1e6:.1f} of {size / 1e6:.1f} MB",
            )
        self._bar.update(received - self._bar.pos, received)

    def _end_bar(self) -> None:
        if self._bar is not None:
            self._bar.render_finish()
            self._bar = None
