"""What a run was asked to do."""

from dataclasses import dataclass

from facewire_client.bench.closed_loop import ClosedLoop
from facewire_client.bench.open_loop import OpenLoop


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The load, and how to send it; times are in seconds.

    `deadline` None: a request has the time that the connection gives to every call,
    and every answer is in time. An empty `model` is the server's default.
    """

    load: ClosedLoop | OpenLoop
    duration: float
    warmup: float
    deadline: float | None = None
    connections: int = 1
    model: str = ""
