"""Types of `_workspace.pyx`; the docstrings are there."""

from typing import final

@final
class Workspace:
    def __init__(self) -> None: ...
