"""All measures of one model on one data set."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facewire_client.evaluation.answers import Answer
from facewire_client.evaluation.dataset import Dataset, Photo
from facewire_client.evaluation.formats.wider import LEVELS
from facewire_client.evaluation.measures import checker, coco, operation, wider
from facewire_client.evaluation.measures.outcomes import Outcomes
from facewire_client.evaluation.measures.truth import Truth, areas

METRICS = {
    "large": "AP of faces from 64 px of height, as Open Model Zoo's accuracy checker counts it",
    "ap50": "AP of all faces at an overlap of 0.5, as COCO counts it",
    "coco": "AP of all faces, the mean over overlaps of 0.50 to 0.95, as COCO counts it",
}
"""The numbers that can be compared and demanded, and their names for people."""

THRESHOLDS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


def default_metric(format: str) -> str:
    """Return the number by which a data set of this format is judged."""
    return {"wider": "large", "coco": "coco"}.get(format, "ap50")


@dataclass(frozen=True, slots=True)
class Settings:
    """What to measure by: a name of METRICS, a threshold, and a rate.

    `threshold` in [0, 1] is the confidence from which on detections are drawn and compared;
    `rate` is how many false positives a photo may have.
    """

    metric: str
    threshold: float
    rate: float


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """The numbers of a model on a data set; NaN where there are no such faces.

    `average_precision` has the names of METRICS. `all_sizes` is as `large` without its limits.
    """

    settings: Settings
    truths: Sequence[Truth]
    found: Sequence[NDArray[np.float32]]
    large: Outcomes
    at_overlaps: Sequence[Outcomes]
    operating: Outcomes
    sizes: Sequence[operation.Size]
    average_precision: dict[str, float]
    all_sizes: float
    coco: coco.CocoResult
    levels: dict[str, float]

    @property
    def headline(self) -> float:
        """The average precision that the settings name, in [0, 1]."""
        return self.average_precision[self.settings.metric]

    def weighted(self) -> Callable[[NDArray[np.int64]], float]:
        """Return the headline as a function of how often each photo counts."""
        match self.settings.metric:
            case "large":
                return self.large.average_precision
            case "ap50":
                return self.at_overlaps[0].interpolated_precision
            case _:
                return partial(coco.mean_precision, self.at_overlaps)

    def points(self) -> list[operation.Point]:
        """Return what the thresholds give in operation."""
        return [operation.at(self.operating, threshold) for threshold in THRESHOLDS]

    def document(self) -> dict[str, Any]:
        """Return all numbers in a form for JSON; average precisions are in [0, 1]."""
        settings = self.settings
        best = operation.best_for(self.operating, settings.rate)
        bins, error = operation.calibration(self.operating)
        return {
            "metric": settings.metric,
            "ap": self.headline,
            "average_precision": {
                **self.average_precision,
                "all_sizes": self.all_sizes,
                **self.levels,
            },
            "coco": asdict(self.coco),
            "threshold": asdict(operation.at(self.operating, settings.threshold)),
            "thresholds": [asdict(point) for point in self.points()],
            "false_positive_rate": settings.rate,
            "best_threshold": None if best is None else asdict(best),
            "sizes": [asdict(size) for size in self.sizes],
            "calibration": {"error": error, "bins": [asdict(each) for each in bins]},
        }


def evaluate(dataset: Dataset, answers: Sequence[Answer], settings: Settings) -> Evaluation:
    """Measure the answers for the photos of a data set, in the same order."""
    truths = [truth_of(*each) for each in zip(dataset.photos, answers, strict=True)]
    found = [answer.found for answer in answers]
    large = checker.outcomes(truths, found)
    every = checker.outcomes(truths, found, heights=None)
    at_overlaps = coco.outcomes(truths, found)
    numbers = coco.evaluate_outcomes(at_overlaps, truths, found)
    least = np.array([operation.MIN_OVERLAP])
    return Evaluation(
        settings=settings,
        truths=truths,
        found=found,
        large=large,
        at_overlaps=at_overlaps,
        operating=coco.outcomes(truths, found, thresholds=least, most=None)[0],
        sizes=operation.sizes(truths, found, settings.threshold),
        average_precision={
            "large": large.average_precision(),
            "ap50": numbers.ap50,
            "coco": numbers.ap,
        },
        all_sizes=every.average_precision(),
        coco=numbers,
        levels=_levels(dataset.photos, truths, found),
    )


def truth_of(photo: Photo, answer: Answer) -> Truth:
    """Return a photo's faces in pixels; relative boxes take the size from the answer."""
    boxes = photo.boxes
    if photo.relative and answer.size is not None:
        boxes = boxes * np.array([*answer.size, *answer.size], np.float64)
    return Truth(boxes, photo.ignored, areas(boxes) if photo.areas is None else photo.areas)


def _levels(
    photos: Sequence[Photo], truths: Sequence[Truth], found: Sequence[NDArray[np.float32]]
) -> dict[str, float]:
    """Return the average precision at the levels of WIDER FACE that the photos have."""
    none = {len(truth.boxes): np.zeros(len(truth.boxes), bool) for truth in truths}
    return {
        level: wider.average_precision(
            truths,
            found,
            [
                photo.levels.get(level, none[len(truth.boxes)])
                for photo, truth in zip(photos, truths, strict=True)
            ],
        )
        for level in LEVELS
        if any(level in photo.levels for photo in photos)
    }
