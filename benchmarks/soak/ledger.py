"""An account of what was sent and of what became of it, each request once.

An outcome is OK, the gRPC status with the server's reason behind it, or the status
alone when the caller's own side has ended the call: then the server may have answered
it, refused it, or never seen it.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from facewire_client.cli.table import align

OK = "OK"
FULL = "RESOURCE_EXHAUSTED QUEUE_FULL"
UNREACHABLE = "DEADLINE_EXCEEDED DEADLINE_UNREACHABLE"
DROPPED = "ABORTED FRAME_DROPPED"
EXPIRED = "DEADLINE_EXCEEDED"
CANCELLED = "CANCELLED"
CUT = "CUT"
"""The connection was cut by the caller."""


@dataclass(frozen=True, slots=True)
class Kind:
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
            ended = sum(self.outcomes(kind).values())
            if ended != sent:
                yield f"{kind.name}: {sent} sent, but {ended} answered or failed"
            for outcome, count in self.outcomes(kind).items():
                if outcome not in kind.expected:
                    yield f"{kind.name}: {count} ended with {outcome}"
        if self.mistakes:
            yield f"{len(self.mistakes)} wrong answers, the first: {self.mistakes[0]}"

    def outcomes(self, kind: Kind) -> Counter[str]:
        """How often the requests of a kind came to each outcome."""
        return Counter(
            {outcome: count for (each, outcome), count in self.ended.items() if each == kind}
        )

    def known(self) -> Counter[tuple[str, str]]:
        """How many the server has ended for certain, by method and code."""
        known: Counter[tuple[str, str]] = Counter()
        for (kind, outcome), count in self.ended.items():
            if outcome == OK or " " in outcome:
                known[kind.method, outcome.partition(" ")[0]] += count
        return known

    def unknown(self) -> Counter[str]:
        """How many the server may or may not have ended somehow, by method."""
        unknown: Counter[str] = Counter()
        for (kind, outcome), count in self.ended.items():
            if outcome != OK and " " not in outcome:
                unknown[kind.method] += count
        return unknown

    def disagreements(self, counted: Counter[tuple[str, str]]) -> Iterator[str]:
        """Lines about counts of the server, by method and code, that cannot be true.

        Each count is at least what callers were told, and all of a method together
        exceed that by no more than what they cannot know.
        """
        known, unknown = self.known(), self.unknown()
        for (method, code), count in known.items():
            if counted[method, code] < count:
                have = counted[method, code]
                yield f"{method} {code}: {count} told, but the server counts {have}"
        for method in {method for method, _ in (*known, *counted)}:
            told = sum(n for (each, _), n in known.items() if each == method)
            have = sum(n for (each, _), n in counted.items() if each == method)
            if have > told + unknown[method]:
                yield (
                    f"{method}: the server counts {have}, but {told} were told"
                    f" and {unknown[method]} unsure"
                )

    def account(self) -> str:
        """A table of what was sent and of what has become of it."""
        rows: list[Sequence[str]] = [("requests", "sent", "ended")]
        for kind, sent in sorted(self.sent.items(), key=lambda each: each[0].name):
            outcomes = self.outcomes(kind).most_common()
            ended = ", ".join(f"{count} {outcome}" for outcome, count in outcomes)
            rows.append((kind.name, str(sent), ended))
        ended = f"{self.ended.total()} in all"
        return align([*rows, ("all", str(self.sent.total()), ended)], right=(1,))

    def server_account(self, counted: Counter[tuple[str, str]]) -> str:
        """A table of what the server has counted, by method and code."""
        rows = [(*name, str(count)) for name, count in sorted(counted.items())]
        return align([("the server counts", "", ""), *rows], right=(2,))
