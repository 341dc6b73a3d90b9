"""The part of google.rpc.Status that facewire uses: the package has no py.typed."""

from collections.abc import Sequence

from google.protobuf.any_pb2 import Any
from google.protobuf.message import Message

class Status(Message):
    code: int
    message: str
    @property
    def details(self) -> Sequence[Any]: ...
    def __init__(
        self, *, code: int = ..., message: str = ..., details: Sequence[Any] = ...
    ) -> None: ...
