"""What the project uses of atheris, which has no types of its own."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

def instrument_imports(
    include: Sequence[str] = ...,
) -> AbstractContextManager[object]: ...
def Setup(args: Sequence[str], test_one_input: Callable[[bytes], None]) -> None: ...
def Fuzz() -> None: ...
