"""Detections of all photos in order of confidence, and the precision and recall they give."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facewire_client.evaluation.measures.truth import Floats

NAN = float("nan")

HIT, FALSE, IGNORED = 1, 0, -1
"""What becomes of a detection."""


@dataclass(frozen=True, slots=True, eq=False)
class Outcomes:
    """The detections of all photos, the most confident first, and the faces of each photo.

    `confidence` [n]; `hit` [n] is HIT or FALSE, ignored ones are left out; `photo` [n] is the
    index of the photo; `faces` [photos] counts the faces that are not ignored.
    """

    confidence: Floats
    hit: NDArray[np.bool_]
    photo: NDArray[np.int32]
    faces: NDArray[np.int64]

    def average_precision(self, weights: NDArray[np.int64] | None = None) -> float:
        """Return the area under the curve whose precision never rises with recall, in [0, 1].

        `weights` [photos] counts each photo so many times. NaN: there are no faces.
        """
        recall, precision = self.curve(weights)
        envelope = np.maximum.accumulate(precision[::-1])[::-1]
        return float(np.sum(np.diff(recall, prepend=0.0) * envelope)) if self._any(weights) else NAN

    def interpolated_precision(self, weights: NDArray[np.int64] | None = None) -> float:
        """Return the mean precision at the recalls 0, 0.01, ... 1, as COCO takes it.

        See `average_precision` for `weights` and NaN.
        """
        recall, precision = self.curve(weights)
        envelope = np.maximum.accumulate(precision[::-1])[::-1]
        places = np.searchsorted(recall, np.linspace(0, 1, 101), side="left")
        mean = float(np.append(envelope, 0.0)[places].mean())
        return mean if self._any(weights) else NAN

    def recall(self) -> float:
        """Return the part of the faces that was found at all; NaN: there are no faces."""
        faces = int(self.faces.sum())
        return int(self.hit.sum()) / faces if faces else NAN

    def curve(self, weights: NDArray[np.int64] | None = None) -> tuple[Floats, Floats]:
        """Return recall and precision [n] after each detection; without faces recall is 0."""
        count = np.ones(len(self.faces), np.int64) if weights is None else weights
        each = count[self.photo]
        hits = np.cumsum(each * self.hit)
        seen = np.cumsum(each)
        precision = np.divide(hits, seen, out=np.zeros(len(seen)), where=seen > 0)
        return np.asarray(hits / max(int((self.faces * count).sum()), 1)), precision

    def _any(self, weights: NDArray[np.int64] | None) -> bool:
        """Whether the photos, so weighted, have a face."""
        return bool((self.faces if weights is None else self.faces * weights).any())


def gather(photos: Sequence[tuple[Floats, NDArray[np.int8], int]]) -> Outcomes:
    """Join the photos: confidences [n], outcomes [n], and the number of faces of each.

    Detections of the same confidence stay in the order of the photos.
    """
    confidence = np.concatenate([np.zeros(0), *(scores for scores, _, _ in photos)])
    hit = np.concatenate([np.zeros(0, np.int8), *(hits for _, hits, _ in photos)])
    sizes = [len(hits) for _, hits, _ in photos]
    photo = np.repeat(np.arange(len(photos), dtype=np.int32), sizes)
    kept = np.flatnonzero(hit != IGNORED)
    order = kept[np.argsort(-confidence[kept], kind="stable")]
    faces = np.array([count for _, _, count in photos], np.int64)
    return Outcomes(confidence[order], hit[order] == HIT, photo[order], faces)
