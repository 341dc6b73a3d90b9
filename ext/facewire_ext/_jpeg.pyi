"""Types of `_jpeg.pyx`; the docstrings are there."""

from collections.abc import Sequence

class ScanReader:
    def __init__(
        self,
        width: int,
        height: int,
        sampling_factors: Sequence[tuple[int, int]],
        progressive: bool,
    ) -> None: ...
    def define_table(self, ac: bool, slot: int, counts: bytes, symbols: bytes) -> None: ...
    def read(
        self,
        coded: bytes | memoryview,
        components: Sequence[tuple[int, int, int]],
        first: int,
        last: int,
        refines: bool,
        restart_interval: int,
    ) -> int: ...
