"""The part of numba's types that the benchmarks use."""

class Signature: ...

class Type:
    def __call__(self, *arguments: Type) -> Signature: ...

class Array(Type):
    def __init__(self, dtype: Type, ndim: int, layout: str) -> None: ...

float32: Type
int64: Type
boolean: Type
