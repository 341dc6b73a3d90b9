"""An output of a network, as a head recognises it: names, shape, kind of numbers."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Output:
    """One output of a network: its names, and its shape with -1 for a dynamic axis."""

    names: tuple[str, ...]
    shape: tuple[int, ...]
    is_integer: bool

    def __str__(self) -> str:
        sizes = ",".join("?" if size < 0 else str(size) for size in self.shape)
        kind = "integer" if self.is_integer else "float"
        return f"{'/'.join(self.names) or 'unnamed'} [{sizes}] {kind}"

    def called(self, word: str) -> bool:
        """Whether the word is a part of one of its names."""
        return any(word in name.lower() for name in self.names)

    def rows(self, *row: int) -> int | None:
        """Return N of a shape [N, *row] or [1, N, *row], -1 for any; None for others."""
        shape = self.shape
        if len(shape) == len(row) + 2 and shape[0] in (1, -1):
            shape = shape[1:]
        return shape[0] if len(shape) == len(row) + 1 and shape[1:] == row else None


def same(one: int | None, other: int | None) -> bool:
    """Whether two numbers of rows may be equal at run time; None equals nothing."""
    if one is None or other is None:
        return False
    return one == other or -1 in (one, other)
