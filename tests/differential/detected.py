"""Detections of one reader in one picture, and how many of them another reader finds too."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Detected:
    """`boxes` float32 [n,4] in pixels of the picture, `scores` float32 [n], `labels` [n]."""

    boxes: Floats
    scores: Floats
    labels: NDArray[np.int32]

    @classmethod
    def of(cls, boxes: Any, scores: Any, labels: Any) -> Self:
        """Copy the arrays of a reader, which may belong to its next inference."""
        return cls(
            np.array(boxes, np.float32).reshape(-1, 4),
            np.array(scores, np.float32),
            np.array(labels, np.int32),
        )

    def kept(self, wanted: NDArray[np.bool_]) -> "Detected":
        """The detections at which `wanted` [n] is true."""
        return Detected(self.boxes[wanted], self.scores[wanted], self.labels[wanted])

    def asking(self, score: float) -> "Detected":
        """The detections that need a partner: of this score, and of more than a pixel.

        Model API drops boxes of one square pixel or less, after rounding them.
        """
        whole = np.round(self.boxes)
        large = (whole[:, 2:] - whole[:, :2]).prod(1) > 1
        return self.kept(large & (self.scores >= score))


@dataclass(frozen=True, slots=True)
class Agreement:
    """The pairs of detections that two readers share.

    `pixels` [n] is the mean distance of the four edges of a pair, `scores` [n] the
    difference of its scores; `asked` is how many detections needed a partner.
    """

    pixels: Floats
    scores: Floats
    asked: int

    @property
    def matched(self) -> float:
        """The part of the detections that have a partner."""
        return len(self.pixels) / max(self.asked, 1)

    def __str__(self) -> str:
        if not len(self.pixels):
            return f"0 of {self.asked} matched"
        return (
            f"{len(self.pixels)} of {self.asked} matched, median {np.median(self.pixels):.2f} px,"
            f" scores {np.median(self.scores):.4f}, at most {self.scores.max():.4f}"
        )


def agreement(
    pictures: list[tuple[Detected, Detected]], threshold: float, step: float
) -> Agreement:
    """Look for each detection of either reader among those of the other, over many pictures.

    Each element of `pictures` holds what two readers found in one picture at a threshold under
    `threshold`, so that a score on its edge does not decide whether a box has a partner.
    A partner has the same label and IoU 0.9 or more, or differs by no more than `step`
    pixels at any edge: rounding a small box to whole pixels alone takes it below 0.9.
    """
    pixels: list[float] = []
    scores: list[float] = []
    asked = 0
    for one, other in pictures:
        for asking, answering in ((one.asking(threshold), other), (other.asking(threshold), one)):
            asked += len(asking.scores)
            for i, j in _partners(asking, answering, step):
                pixels.append(float(np.abs(asking.boxes[i] - answering.boxes[j]).mean()))
                scores.append(abs(float(asking.scores[i] - answering.scores[j])))
    return Agreement(np.array(pixels, np.float32), np.array(scores, np.float32), asked)


def _partners(asking: Detected, answering: Detected, step: float) -> list[tuple[int, int]]:
    """Pairs of indices, the best first; each detection is in one pair at most."""
    edges = np.abs(asking.boxes[:, None] - answering.boxes[None]).max(2, initial=0)
    fits = (iou(asking.boxes, answering.boxes) >= 0.9) | (edges <= step)
    fits &= asking.labels[:, None] == answering.labels[None]
    far = edges + np.abs(asking.scores[:, None] - answering.scores[None])
    pairs: dict[int, int] = {}
    taken: set[int] = set()
    for flat in np.argsort(np.where(fits, far, np.inf), axis=None)[: int(fits.sum())]:
        i, j = (int(index) for index in np.unravel_index(flat, fits.shape))
        if i not in pairs and j not in taken:
            pairs[i] = j
            taken.add(j)
    return list(pairs.items())


def iou(ones: Floats, others: Floats) -> Floats:
    """Intersection over union of each box of `ones` [n,4] with each of `others` [m,4]."""
    low = np.maximum(ones[:, None, :2], others[None, :, :2])
    high = np.minimum(ones[:, None, 2:], others[None, :, 2:])
    shared = np.clip(high - low, 0, None).prod(2)
    areas = [(boxes[:, 2:] - boxes[:, :2]).prod(1) for boxes in (ones, others)]
    union = areas[0][:, None] + areas[1][None] - shared
    return np.asarray(shared / np.maximum(union, 1e-9), np.float32)
