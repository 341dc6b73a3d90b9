from typing import Any, ClassVar

from fsspec import AbstractFileSystem

class MemoryFileSystem(AbstractFileSystem):
    store: ClassVar[dict[str, Any]]
    @classmethod
    def _strip_protocol(cls, path: str) -> str: ...
