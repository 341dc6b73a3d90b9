"""A soak in words."""

from collections import Counter
from collections.abc import Iterator, Sequence

from benchmarks.soak.ledger import Ledger
from benchmarks.soak.vitals import Vitals
from facewire_client.cli.table import align

ROWS = 10


def account(ledger: Ledger) -> str:
    """What was sent and what has become of it."""
    rows: list[Sequence[str]] = [("requests", "sent", "ended")]
    for kind, sent in sorted(ledger.sent.items(), key=lambda each: each[0].name):
        outcomes = ledger.outcomes(kind).most_common()
        ended = ", ".join(f"{count} {outcome}" for outcome, count in outcomes)
        rows.append((kind.name, str(sent), ended))
    total = sum(ledger.sent.values())
    rows.append(("all", str(total), f"{sum(ledger.ended.values())} in all"))
    return align(rows, right=(1,))


def counts(counted: Counter[tuple[str, str]]) -> str:
    """What the server has counted, by method and code."""
    rows = [(*name, str(count)) for name, count in sorted(counted.items())]
    return align([("the server counts", "", ""), *rows], right=(2,))


def course(samples: Sequence[Vitals]) -> str:
    """Some of the samples, evenly spread."""
    step = max(1, len(samples) // ROWS)
    return _table((f"{each.seconds / 60:.1f}", each) for each in samples[::step])


def comparison(**looks: Vitals) -> str:
    """A row for each."""
    return _table((name.replace("_", " "), each) for name, each in looks.items())


def _table(named: Iterator[tuple[str, Vitals]]) -> str:
    rows: list[Sequence[str]] = [("minute", "memory MB", "threads", "fds", "in flight", "queued")]
    for name, each in named:
        numbers = (each.threads, each.fds, each.inflight, each.queued)
        texts = (f"{number:g}" for number in numbers)
        rows.append((name, f"{each.memory_mb:.1f}", *texts))
    return align(rows, right=range(1, 6))
