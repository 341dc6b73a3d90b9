"""The part of numba that the benchmarks use; numba's own types leave `njit` untyped."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar

_P = ParamSpec("_P")
_R = TypeVar("_R")

def njit(*, nogil: bool = False) -> Callable[[Callable[_P, _R]], Callable[_P, _R]]: ...
