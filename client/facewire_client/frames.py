"""The images of one stream: numbered on the way out, recognised on the way back.

Knows nothing of threads or event loops; both clients use it.
"""

from facewire.v1 import detect_pb2
from facewire_client.connection import Connection
from facewire_client.errors import FaceClientError, from_frame_error
from facewire_client.request import DetectOptions, Image, fill_request
from facewire_client.response import detect_result
from facewire_client.result import StreamResult


class Frames:
    """Turns images into requests, and answers into results.

    An image that cannot be sent goes out as an empty frame: the server's answer
    to that keeps its place in the order, and becomes the error of the image.
    """

    def __init__(
        self, connection: Connection, options: DetectOptions, *, drop_oldest: bool
    ) -> None:
        self._connection = connection
        self._options = options
        self._policy = (
            detect_pb2.OVERFLOW_POLICY_DROP_OLDEST
            if drop_oldest
            else detect_pb2.OVERFLOW_POLICY_WAIT
        )
        self._count = 0
        self._unsendable: dict[int, FaceClientError] = {}

    def request(self, image: Image) -> detect_pb2.DetectStreamRequest:
        """The message for the next image."""
        message = detect_pb2.DetectStreamRequest(
            frame_id=self._count, overflow_policy=self._policy
        )
        self._count += 1
        try:
            fill_request(message.request, image, **self._options)
            self._connection.check_size(message)
        except FaceClientError as error:
            self._unsendable[message.frame_id] = error
            message.ClearField("request")
        return message

    def result(self, message: detect_pb2.DetectStreamResponse) -> StreamResult:
        """What an answer of the server says."""
        frame_id = message.frame_id
        if unsendable := self._unsendable.pop(frame_id, None):
            return StreamResult(frame_id, error=unsendable)
        if message.HasField("error"):
            failure = message.error
            error = from_frame_error(failure.code, failure.reason, failure.message)
            return StreamResult(frame_id, error=error)
        return StreamResult(frame_id, detect_result(message.response))
