"""The part of atheris that the project uses; the package has no types."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

def instrument_imports(
    include: Sequence[str] = ...,
) -> AbstractContextManager[object]: ...
def Setup(args: Sequence[str], test_one_input: Callable[[bytes], None]) -> None: ...
def Fuzz() -> None: ...
