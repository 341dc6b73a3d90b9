"""The part of google.rpc.ErrorInfo that facewire uses: the package has no py.typed."""

from google.protobuf.message import Message

class ErrorInfo(Message):
    reason: str
    domain: str
    def __init__(self, *, reason: str = ..., domain: str = ...) -> None: ...
