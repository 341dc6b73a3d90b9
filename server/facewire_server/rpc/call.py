"""The record of one request, which is an RPC or one frame of a stream."""

import re
import time
import uuid
from collections.abc import Sequence
from typing import TypeAlias

import grpc.aio

from facewire_server.image.data import Data
from facewire_server.inference.detector import Detections
from facewire_server.rpc.message_parser import ARRIVED
from facewire_server.scheduling.job import Outcome

Context: TypeAlias = "grpc.aio.ServicerContext[object, object]"
"""gRPC's context of the RPC that carries a request."""


MAX_REQUEST_ID = 128
"""The most characters of a request id."""


class Call:
    """A request from its arrival to its end.

    `model` is the model's name, empty until it has been looked up; `size` is that of its
    message in bytes, and `image` what was cut out of it. `deadline` and `arrived` are times
    of `time.monotonic`; a caller without a deadline (None) waits forever. `outcomes` are
    what the detector returned for each image; `reason` is that of an error, else empty.
    """

    __slots__ = (
        *("_request_id", "arrived", "context", "deadline", "image", "method"),
        *("model", "outcomes", "peer", "reason", "service", "size"),
    )

    def __init__(self, service: str, method: str, context: Context) -> None:
        """`context`: gRPC's, of the RPC that carries the request."""
        self.service = service
        self.method = method
        self.context = context
        self.arrived = time.monotonic()
        remaining = context.time_remaining()
        self.deadline = None if remaining is None else self.arrived + remaining
        self.peer = context.peer()
        """The connection it came by."""
        self.model = ""
        self.size: int
        self.image: Data | None
        self.size, self.image = ARRIVED.get()
        self.outcomes: Sequence[Outcome[Detections]] = ()
        self.reason = ""
        self._request_id = ""

    @property
    def request_id(self) -> str:
        """The caller's `x-request-id`, or a new id; made when it is asked for first.

        All characters but visible ASCII become `_`, so that the id is one word of a log
        line.
        """
        if not self._request_id:
            given = [
                value
                for key, value in self.context.invocation_metadata() or ()
                if key == "x-request-id" and isinstance(value, str) and value
            ]
            found = re.sub(r"[^!-~]", "_", given[0][:MAX_REQUEST_ID]) if given else ""
            self._request_id = found or uuid.uuid4().hex
        return self._request_id

    @property
    def cached(self) -> bool:
        """Whether the answer came from the response cache, for all images."""
        return bool(self.outcomes) and all(each.value.cached for each in self.outcomes)

    def log_fields(self, code: grpc.StatusCode) -> dict[str, str | float]:
        """Return the fields of a log line about the request, without those that are empty."""
        fields: dict[str, str | float] = {
            "method": self.method,
            "request_id": self.request_id,
            "model": self.model,
            "code": code.name,
            "reason": self.reason,
            "milliseconds": round(1000 * (time.monotonic() - self.arrived), 3),
            "cached": "yes" if self.cached else "",
            "peer": self.peer,
        }
        return {name: value for name, value in fields.items() if value != ""}
