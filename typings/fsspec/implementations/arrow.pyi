from typing import Any

from fsspec import AbstractFileSystem

class ArrowFSWrapper(AbstractFileSystem):
    def __init__(self, fs: Any) -> None: ...
