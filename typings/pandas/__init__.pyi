"""pandas has no py.typed: all of it is Any."""

from typing import Any

def __getattr__(name: str) -> Any: ...
