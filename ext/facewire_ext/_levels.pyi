"""Types of `_levels.pyx`; the docstrings are there."""

class Levels:
    @property
    def level_count(self) -> int: ...
    @property
    def candidates(self) -> int: ...
