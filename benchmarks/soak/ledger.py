"""What was sent and what has become of it, each request once.

An outcome is OK, the gRPC status with the server's reason behind it, or the status
alone when the caller's own side has ended the call: then the server may have answered
it, refused it, or never seen it.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

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
    """Accounts of all kinds of requests, and what was wrong with answers."""

    def __init__(self) -> None:
        self.sent: Counter[Kind] = Counter()
        self.ended: Counter[tuple[Kind, str]] = Counter()
        self.mistakes: list[str] = []

    def send(self, kind: Kind) -> None:
        """One request goes out."""
        self.sent[kind] += 1

    def end(self, kind: Kind, outcome: str, count: int = 1) -> None:
        """So many requests have come to an outcome."""
        if count:
            self.ended[kind, outcome] += count

    def mistake(self, text: str) -> None:
        """Keeps what is wrong with an answer; empty: nothing is."""
        if text:
            self.mistakes.append(text)

    def problems(self) -> Iterator[str]:
        """What does not add up, in words."""
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

    def told(self) -> Counter[tuple[str, str]]:
        """How many the server has ended for certain, by method and code."""
        told: Counter[tuple[str, str]] = Counter()
        for (kind, outcome), count in self.ended.items():
            if outcome == OK or " " in outcome:
                told[kind.method, outcome.partition(" ")[0]] += count
        return told

    def unsure(self) -> Counter[str]:
        """How many the server may or may not have ended somehow, by method."""
        unsure: Counter[str] = Counter()
        for (kind, outcome), count in self.ended.items():
            if outcome != OK and " " not in outcome:
                unsure[kind.method] += count
        return unsure

    def disagreements(self, counted: Counter[tuple[str, str]]) -> Iterator[str]:
        """Where the server's counts, by method and code, cannot be true.

        Each count is at least what callers were told, and all of a method together
        exceed that by no more than what they cannot know.
        """
        told, unsure = self.told(), self.unsure()
        for (method, code), count in told.items():
            if counted[method, code] < count:
                have = counted[method, code]
                yield f"{method} {code}: {count} told, but the server counts {have}"
        for method in {method for method, _ in (*told, *counted)}:
            all_told = sum(n for (each, _), n in told.items() if each == method)
            have = sum(n for (each, _), n in counted.items() if each == method)
            if have > all_told + unsure[method]:
                yield (
                    f"{method}: the server counts {have}, but {all_told} were told"
                    f" and {unsure[method]} unsure"
                )
