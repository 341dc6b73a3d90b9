"""The report of `facewire bench` as facts and two tables for people."""

from collections.abc import Iterator, Sequence

from facewire_client.bench.limit import Limit
from facewire_client.bench.percentiles import Spread
from facewire_client.bench.report import Image, Report
from facewire_client.cli.table import align

_SPREAD = ("ms", "mean", "p50", "p90", "p95", "p99", "p99.9", "max")


def summary(report: Report) -> str:
    """Return the report in a form to read on a terminal."""
    parts = [align(list(_facts(report))), align(_times(report), right=range(1, 8))]
    if report.statuses:
        parts.append(align(_statuses(report), right=[2]))
    return "\n\n".join(parts)


def _facts(report: Report) -> Iterator[tuple[str, str]]:
    yield "load", _load(report)
    yield "server", _server(report)
    for image in report.images:
        yield "image", _image(image)
    if report.end_reason != "duration":
        yield "ended", f"{report.end_reason} after {report.measured_seconds:.1f} s"
    requests, rates = report.requests, report.rates
    parts = [f"{requests.planned} planned", f"{requests.answered} answered"]
    for name in ("failed", "unfinished", "unsent"):
        if count := getattr(requests, name):
            parts.append(f"{count} {name}")
    yield "requests", ", ".join(parts)
    yield "offered", f"{rates.offered:.1f} requests/s"
    yield "answered", f"{rates.answered:.1f} requests/s"
    if (deadline := report.settings["deadline_ms"]) is not None:
        yield "in time", f"{rates.goodput:.1f} requests/s, within {deadline:g} ms"
    yield "client", _client(report)
    if report.limit is not None:
        yield "limit", _limit(report.limit)


def _is_open(report: Report) -> bool:
    return bool(report.settings["loop"] == "open")


def _load(report: Report) -> str:
    settings = report.settings
    if _is_open(report):
        load = f"{settings['rate']:g} requests/s, Poisson, seed {settings['seed']}"
    else:
        load = f"{settings['concurrency']} at a time"
    connections = settings["connections"]
    return (
        f"{load}, {connections} connection{'s' if connections > 1 else ''},"
        f" {settings['duration_seconds']:g} s after"
        f" {settings['warmup_seconds']:g} s of warm-up"
    )


def _server(report: Report) -> str:
    target, model = report.settings["server"], report.model
    if model is None:
        return f"{target}; it does not tell its model"
    width, height = model.input_size
    description = f"{model.name} {model.version} {model.precision}"
    return f"{target}, {description}, {width}x{height}, {model.device}"


def _image(image: Image) -> str:
    counts = image.detections
    found = " or ".join(map(str, counts)) or "unknown"
    warning = " (answers differ)" if len(counts) > 1 else ""
    return f"{image.name}, {image.bytes} bytes, detections: {found}{warning}"


def _client(report: Report) -> str:
    cpu = report.client_cpu
    milliseconds = cpu.ms_per_request
    parts = [f"{cpu.seconds:.2f} s CPU"]
    if milliseconds is not None:
        parts.append(f"{milliseconds:.3f} ms a request")
    return ", ".join(parts)


def _limit(limit: Limit) -> str:
    return (
        f"{limit.ratio:.3f} x benchmark_app, {limit.hint} hint:"
        f" {limit.throughput:.1f} inferences/s, median {limit.median_ms:g} ms"
    )


def _times(report: Report) -> list[Sequence[str]]:
    named = {
        "latency": report.latency_ms,
        "failures": report.failed_latency_ms,
        "sent late by": report.send_lag_ms if _is_open(report) else None,
        **{f"server: {name}": times for name, times in report.stages_ms.items()},
    }
    rows = [_row(name, times) for name, times in named.items() if times is not None]
    return [_SPREAD, *rows]


def _row(name: str, times: Spread) -> tuple[str, ...]:
    values = (times.mean, times.p50, times.p90, times.p95, times.p99, times.p99_9)
    return (name, *(f"{value:.2f}" for value in (*values, times.max)))


def _statuses(report: Report) -> list[Sequence[str]]:
    rows = [(s.code, s.reason, str(s.count), s.message) for s in report.statuses]
    return [("status", "reason", "count", ""), *rows]
