"""Types of `_jpeg.pyx`; the docstrings are there."""

from collections.abc import Sequence

class ScanReader:
    def __init__(
        self,
        width: int,
        height: int,
        factors: Sequence[tuple[int, int]],
        progressive: bool,
    ) -> None: ...
    def define_table(self, ac: bool, slot: int, counts: bytes, symbols: bytes) -> None: ...
    def read(
        self,
        coded: bytes | memoryview,
        parts: Sequence[tuple[int, int, int]],
        first: int,
        last: int,
        refines: bool,
        interval: int,
    ) -> int: ...
