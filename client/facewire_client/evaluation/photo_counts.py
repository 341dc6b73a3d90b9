"""What is right and wrong in each photo, and which photos differ between two results."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facewire_client.evaluation.evaluation import Evaluation
from facewire_client.evaluation.measures.coco import match
from facewire_client.evaluation.measures.operation import MIN_OVERLAP
from facewire_client.evaluation.measures.truth import Floats, Truth, by_confidence


@dataclass(frozen=True, slots=True, eq=False)
class Marks:
    """The boxes of a photo: [n, 4], or [n, 5] with their confidence.

    `hits` and `wrong` are detections; `missed` and `ignored` are annotated faces.
    """

    hits: Floats
    wrong: Floats
    missed: Floats
    ignored: Floats

    @property
    def counts(self) -> tuple[int, int]:
        """How many faces were missed, and how many detections are wrong."""
        return len(self.missed), len(self.wrong)


@dataclass(frozen=True, slots=True)
class Change:
    """A photo with other faces missed, or other detections wrong, than before."""

    photo: int
    missed_before: int
    missed: int
    wrong_before: int
    wrong: int

    @property
    def weight(self) -> int:
        """How much it changed."""
        return abs(self.missed - self.missed_before) + abs(self.wrong - self.wrong_before)


def marks(truth: Truth, found: NDArray[np.float32], threshold: float) -> Marks:
    """Return what is right and wrong among the detections of at least a confidence."""
    rows = by_confidence(found)
    rows = rows[rows[:, 4] >= threshold]
    taken = match(truth, rows, np.array([MIN_OVERLAP]))[0]
    matched = taken[taken >= 0]
    missed = ~truth.ignored
    missed[matched] = False
    hit = taken >= 0
    hit[hit] = ~truth.ignored[matched]
    boxes = truth.boxes
    return Marks(rows[hit], rows[taken < 0], boxes[missed], boxes[truth.ignored])


def counts(evaluation: Evaluation) -> list[tuple[int, int]]:
    """Return the missed faces and the wrong detections of each photo."""
    threshold = evaluation.settings.threshold
    pairs = zip(evaluation.truths, evaluation.found, strict=True)
    return [marks(truth, found, threshold).counts for truth, found in pairs]


def worst(evaluation: Evaluation, most: int) -> list[int]:
    """Return the photos with the most faces missed and detections wrong, the worst first."""
    wrong = [sum(each) for each in counts(evaluation)]
    order = sorted(range(len(wrong)), key=lambda index: -wrong[index])
    return [index for index in order[:most] if wrong[index]]


def changes(before: Evaluation, after: Evaluation) -> Sequence[Change]:
    """Return the photos whose counts differ, those that changed most first."""
    pairs = zip(counts(before), counts(after), strict=True)
    found = [
        Change(index, old[0], new[0], old[1], new[1])
        for index, (old, new) in enumerate(pairs)
        if old != new
    ]
    return sorted(found, key=lambda change: -change.weight)
