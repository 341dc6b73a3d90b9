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
    """Turns images into requests, and answers into results."""

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

    def request(self, image: Image) -> bytes | StreamResult:
        """The message for the next image, or why it cannot be sent.

        Such an image is answered here: on the server it would take the place of a
        good one where only the newest is kept.
        """
        message = detect_pb2.DetectStreamRequest(frame_id=self._count, overflow_policy=self._policy)
        self._count += 1
        limit = self._connection.max_message_bytes
        try:
            fill_request(message.request, image, limit=limit, **self._options)
            return self._connection.serialised(message)
        except FaceClientError as error:
            return StreamResult(message.frame_id, error=error)

    def result(self, message: detect_pb2.DetectStreamResponse) -> StreamResult:
        """What an answer of the server says."""
        frame_id = message.frame_id
        if message.HasField("error"):
            failure = message.error
            error = from_frame_error(failure.code, failure.reason, failure.message)
            return StreamResult(frame_id, error=error)
        return StreamResult(frame_id, detect_result(message.response))
