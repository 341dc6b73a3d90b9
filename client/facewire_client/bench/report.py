"""The report of a run: its settings and results, in the form of the JSON document."""

import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any

from facewire_client.bench.limit import Limit
from facewire_client.bench.load import OpenLoop
from facewire_client.bench.percentiles import Spread, spread
from facewire_client.bench.run import Run
from facewire_client.bench.settings import Photo, Settings
from facewire_client.connection import Connection
from facewire_client.result import ModelInfo


@dataclass(frozen=True, slots=True)
class Requests:
    """The outcomes of the requests planned within the measurement period.

    `planned` is the sum of the others: `answered` with OK, `failed` with any other status,
    `unfinished` when the run was interrupted, and `unsent`.
    """

    planned: int
    answered: int
    failed: int
    unfinished: int
    unsent: int


@dataclass(frozen=True, slots=True)
class Rates:
    """Requests planned, answered with OK, and answered in time, per second of the period."""

    offered: float
    answered: float
    goodput: float


@dataclass(frozen=True, slots=True)
class Status:
    """The number of requests with this outcome; `message` is that of the first of them."""

    code: str
    reason: str
    count: int
    message: str = ""


@dataclass(frozen=True, slots=True)
class Image:
    """An image; `detections` maps a number of detections to the number of answers with it."""

    name: str
    bytes: int
    detections: dict[int, int]


@dataclass(frozen=True, slots=True)
class Cpu:
    """The client's CPU time in the period; `ms_per_request` None: no request ended in it."""

    seconds: float
    ms_per_request: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Settings and results of a run; the fields are those of the JSON document.

    `latency_ms` is that of answers, `failed_latency_ms` that of failures, both from the planned
    time on; `send_lag_ms` is how late requests were sent; `stages_ms` are the server's own
    times.
    """

    settings: dict[str, Any]
    versions: dict[str, str]
    model: ModelInfo | None
    started_at: str
    end_reason: str
    measured_seconds: float
    requests: Requests
    rates: Rates
    statuses: tuple[Status, ...]
    latency_ms: Spread | None
    failed_latency_ms: Spread | None
    send_lag_ms: Spread | None
    stages_ms: dict[str, Spread | None]
    images: tuple[Image, ...]
    same_detections: bool
    client_cpu: Cpu
    limit: Limit | None = None

    def document(self) -> dict[str, Any]:
        """Return the report as dicts, lists, strings and numbers."""
        return asdict(self)


def report(
    connection: Connection,
    settings: Settings,
    photos: Sequence[Photo],
    model: ModelInfo | None,
    run: Run,
) -> Report:
    """Make the report of a run with these settings."""
    record = run.record
    period = record.period
    requests = _requests(run)
    images = tuple(
        Image(photo.name, len(photo.content), dict(sorted(counts.items())))
        for photo, counts in zip(photos, record.detections, strict=True)
    )
    return Report(
        settings=_settings(connection, settings),
        versions=_versions(),
        model=model,
        started_at=run.started_at.isoformat(timespec="seconds"),
        end_reason="interrupted" if period.interrupted else "duration",
        measured_seconds=period.seconds,
        requests=requests,
        rates=_rates(run, requests.planned),
        statuses=_statuses(run),
        latency_ms=spread(record.latencies),
        failed_latency_ms=spread(record.failed_latencies),
        send_lag_ms=spread(record.lags),
        stages_ms={stage: spread(times) for stage, times in record.stages.items()},
        images=images,
        same_detections=all(len(image.detections) <= 1 for image in images),
        client_cpu=_cpu(run),
    )


def _settings(connection: Connection, settings: Settings) -> dict[str, Any]:
    deadline = settings.deadline
    return {
        "server": connection.target,
        "encrypted": connection.credentials() is not None,
        "connections": settings.connections,
        "model": settings.model,
        "loop": "open" if isinstance(settings.load, OpenLoop) else "closed",
        **asdict(settings.load),
        "duration_seconds": settings.duration,
        "warmup_seconds": settings.warmup,
        "deadline_ms": None if deadline is None else deadline * 1e3,
        "timeout_seconds": connection.timeout,
    }


def _versions() -> dict[str, str]:
    packages = ("facewire", "grpcio", "protobuf")
    return {"python": platform.python_version()} | {
        package: version(package) for package in packages
    }


def _requests(run: Run) -> Requests:
    record = run.record
    answered, failed = len(record.latencies), len(record.failed_latencies)
    ended = answered + failed + record.unsent
    unfinished = record.planned - ended
    return Requests(record.planned, answered, failed, unfinished, record.unsent)


def _rates(run: Run, planned: int) -> Rates:
    record, seconds = run.record, run.record.period.seconds
    if not seconds:
        return Rates(0.0, 0.0, 0.0)
    counts = planned, record.answered_in_period, record.good_in_period
    offered, answered, goodput = (count / seconds for count in counts)
    return Rates(offered, answered, goodput)


def _statuses(run: Run) -> tuple[Status, ...]:
    record = run.record
    answered = [Status("OK", "", len(record.latencies))] if record.latencies else []
    failures = record.failures.most_common()
    return (
        *answered,
        *(Status(*kind, count, record.messages[kind]) for kind, count in failures),
    )


def _cpu(run: Run) -> Cpu:
    ended = run.record.ended_in_period
    return Cpu(run.cpu_seconds, run.cpu_seconds / ended * 1e3 if ended else None)
