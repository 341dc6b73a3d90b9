"""The cases of `benchmarks.postprocessing`: a head, its candidates, and all rivals."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from benchmarks.postprocessing_data import (
    ATSS_STRIDES,
    YUNET_STRIDES,
    atss_levels,
    yunet_levels,
)
from benchmarks.postprocessing_extension import (
    IMAGE_HEIGHT,
    IMAGE_WIDTH,
    IOU_THRESHOLD,
    ROOM,
    Extension,
    atss_extension,
    yunet_extension,
)
from benchmarks.postprocessing_rivals import (
    Candidates,
    Detector,
    FlatLevel,
    Job,
    numpy_atss,
    numpy_yunet,
    with_numba,
    with_numpy,
    with_opencv,
)

# How many times as fast as a rival, for so many candidates of 34,100 locations.
BARS = {
    50: {"NumPy": 10.0, "numba": 1.6},
    500: {"NumPy": 20.0, "numba": 1.6},
    5000: {"NumPy": 30.0, "numba": 8.0},
}


@dataclass
class Case:
    """One head with so many candidates, and everyone who decodes it.

    `floor` is a call that finds nothing: all it does is read the class map once.
    """

    name: str
    bars: dict[str, float]
    kept: int
    extension: Detector
    floor: Callable[[], object]
    rivals: dict[str, Detector]

    def runs(self) -> dict[str, Callable[[], object]]:
        return {"floor": self.floor, "extension": self.extension, **self.rivals}

    def check_agreement(self) -> None:
        """All must give the same boxes, to a hundredth of a pixel of the photo."""
        for detect in self.rivals.values():
            boxes, scores = self.extension()
            other_boxes, other_scores = detect()
            np.testing.assert_allclose(other_boxes, boxes, rtol=1e-4, atol=1e-2)
            np.testing.assert_allclose(other_scores, scores, rtol=1e-5)


def all_cases() -> Iterator[Case]:
    """34,100 locations (five levels of 640), 8,525 (of 320), and YuNet's 8,400."""
    for head, side in ((atss_case, 640), (atss_case, 320), (yunet_case, 640)):
        for threshold in (0.02, 0.5):
            for count in (50, 500, 5000):
                yield head(side, count, threshold)


def atss_case(side: int, count: int, threshold: float) -> Case:
    levels = atss_levels(side, count, threshold)
    flat = [
        FlatLevel(
            logits.reshape(-1),
            centerness.reshape(-1),
            deltas.reshape(4, -1),
            side // stride,
            stride,
        )
        for (logits, deltas, centerness), stride in zip(levels, ATSS_STRIDES, strict=True)
    ]
    bars = BARS[count] if side == 640 else {}
    detect = atss_extension(levels, side)
    return case("ATSS", detect, flat, numpy_atss, job(side, threshold), bars)


def yunet_case(side: int, count: int, threshold: float) -> Case:
    levels = yunet_levels(side, count, threshold)
    flat = [
        FlatLevel(
            scores.reshape(-1),
            objects.reshape(-1),
            boxes.reshape(-1, 4),
            side // stride,
            stride,
        )
        for (scores, objects, boxes, _), stride in zip(levels, YUNET_STRIDES, strict=True)
    ]
    detect = yunet_extension(levels, side)
    return case("YuNet", detect, flat, numpy_yunet, job(side, threshold), {})


def job(side: int, threshold: float) -> Job:
    return Job(threshold, IOU_THRESHOLD, side, IMAGE_WIDTH, IMAGE_HEIGHT, ROOM)


def case(
    head: str,
    detect: Extension,
    flat: list[FlatLevel],
    candidates: Candidates,
    job: Job,
    bars: dict[str, float],
) -> Case:
    locations = sum(level.scores.size for level in flat)
    found = len(candidates(flat, job.min_confidence)[0])
    return Case(
        name=f"{head} {locations}, {found} over {job.min_confidence}",
        bars=bars,
        kept=len(detect(job.min_confidence)[0]),
        extension=lambda: detect(job.min_confidence),
        floor=lambda: detect(1.0),
        rivals={
            "NumPy": with_numpy(candidates, flat, job),
            "OpenCV": with_opencv(candidates, flat, job),
            "numba": with_numba(flat, job, yunet=head == "YuNet"),
        },
    )
