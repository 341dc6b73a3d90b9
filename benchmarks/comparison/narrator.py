"""What a long run says while it runs, on standard error."""

import sys
import time


class Narrator:
    """Writes lines with the minutes and seconds since the start before them."""

    def __init__(self) -> None:
        self._started = time.monotonic()

    def __call__(self, line: str) -> None:
        minutes, seconds = divmod(int(time.monotonic() - self._started), 60)
        print(f"{minutes:02}:{seconds:02}  {line}", file=sys.stderr, flush=True)
