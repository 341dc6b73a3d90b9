"""An account of what was sent and of what became of it, each request once.

An outcome is OK, the gRPC status with the server's reason behind it, or the status alone
when the caller's own side has ended the call: the server may not even have seen it.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from facewire_client.cli.table import align

OK = "OK"
FULL = "RESOURCE_EXHAUSTED QUEUE_FULL"
UNREACHABLE = "DEADLINE_EXCEEDED DEADLINE_UNREACHABLE"
DROPPED = "ABORTED FRAME_DROPPED"
EXPIRED = "DEADLINE_EXCEEDED"
CANCELLED = "CANCELLED"
CUT = "CUT"  # the connection was cut by the caller


class Kind(NamedTuple):
    """Requests of one intent: their method, and which outcomes they may have."""

    name: str
    method: str
    expected: frozenset[str]


class Ledger:
    """Counts of requests of all kinds, and what was wrong with answers."""

    def __init__(self) -> None:
        self.sent: Counter[Kind] = Counter()
        self.ended: Counter[tuple[Kind, str]] = Counter()
        self.mistakes: list[str] = []

    def send(self, kind: Kind) -> None:
        """Count a request that goes out."""
        self.sent[kind] += 1

    def end(self, kind: Kind, outcome: str, count: int = 1) -> None:
        """Count requests that have come to an outcome."""
        if count:
            self.ended[kind, outcome] += count

    def mistake(self, text: str) -> None:
        """Keep what is wrong with an answer; empty: nothing is."""
        if text:
            self.mistakes.append(text)

    def problems(self) -> Iterator[str]:
        """Lines about what does not add up."""
        for kind, sent in self.sent.items():
            if (ended := self.outcomes(kind).total()) != sent:
                yield f"{kind.name}: {sent} sent, but {ended} answered or failed"
            for outcome, count in self.outcomes(kind).items():
                if outcome not in kind.expected:
                    yield f"{kind.name}: {count} ended with {outcome}"
        if self.mistakes:
            yield f"{len(self.mistakes)} wrong answers, the first: {self.mistakes[0]}"

    def outcomes(self, kind: Kind) -> Counter[str]:
        """How often the requests of a kind came to each outcome."""
        return Counter({name: count for (each, name), count in self.ended.items() if each == kind})

    def told(self, *, certain: bool) -> Counter[tuple[str, str]]:
        """How many the server has ended for certain, by method and code, or perhaps."""
        told: Counter[tuple[str, str]] = Counter()
        for (kind, outcome), count in self.ended.items():
            if (outcome == OK or " " in outcome) == certain:
                told[kind.method, outcome.partition(" ")[0]] += count
        return told

    def disagreements(self, counted: Counter[tuple[str, str]]) -> Iterator[str]:
        """Lines about counts of the server, by method and code, that cannot be true.

        They are at least what callers were told, and at most that and what they cannot know.
        """
        known, unknown = self.told(certain=True), self.told(certain=False)
        for (method, code), count in known.items():
            if (have := counted[method, code]) < count:
                yield f"{method} {code}: {count} told, but the server counts {have}"
        for method in {method for method, _ in (*known, *counted)}:
            have, told, unsure = (
                sum(count for (each, _), count in counts.items() if each == method)
                for counts in (counted, known, unknown)
            )
            if have > told + unsure:
                yield (
                    f"{method}: the server counts {have}, but {told} were told and {unsure} unsure"
                )

    def account(self, counted: Counter[tuple[str, str]]) -> str:
        """Tables of what was sent, of its outcomes, and of what the server has counted."""
        rows: list[Sequence[str]] = [("requests", "sent", "ended")]
        for kind, sent in sorted(self.sent.items(), key=lambda each: each[0].name):
            outcomes = self.outcomes(kind).most_common()
            ended = ", ".join(f"{count} {outcome}" for outcome, count in outcomes)
            rows.append((kind.name, str(sent), ended))
        rows.append(("all", str(self.sent.total()), f"{self.ended.total()} in all"))
        server = [(*name, str(count)) for name, count in sorted(counted.items())]
        title = ("the server counts", "", "")
        return align(rows, right=(1,)) + "\n\n" + align([title, *server], right=(2,))
