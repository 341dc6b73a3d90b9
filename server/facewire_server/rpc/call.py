"""The record of one request, which is an RPC or one frame of a stream."""

import time
from dataclasses import dataclass, field
from typing import TypeAlias

import grpc.aio

from facewire_server.inference.detector import Detections
from facewire_server.scheduling.job import Outcome

Context: TypeAlias = "grpc.aio.ServicerContext[object, object]"
"""gRPC's context of the RPC that carries a request."""


@dataclass(slots=True)
class Call:
    """A request from its arrival to its end.

    `peer` is the connection it came by; `model` is the model's name, empty until it has
    been looked up; `size` is that of its message in bytes. `deadline` and `arrived` are
    times of `time.monotonic`; a caller without a deadline (None) waits forever.
    `outcome` is what the detector returned; `reason` is that of an error, else empty.
    """

    service: str
    method: str
    request_id: str
    deadline: float | None
    peer: str
    model: str = ""
    size: int = 0
    outcome: Outcome[Detections] | None = None
    reason: str = ""
    arrived: float = field(default_factory=time.monotonic)

    @property
    def cached(self) -> bool:
        """Whether the answer came from the response cache."""
        return self.outcome is not None and self.outcome.value.cached

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
