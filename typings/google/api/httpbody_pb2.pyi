"""The part of google.api.HttpBody that facewire uses: the package has no py.typed."""

from google.protobuf.message import Message

class HttpBody(Message):
    content_type: str
    data: bytes
    def __init__(self, *, content_type: str = ..., data: bytes = ...) -> None: ...
