"""The textbook job: a JPEG in, boxes out, with OpenCV, NumPy and OpenVINO.

Decoded whole by cv2.imdecode, resized, float32 NCHW, inferred by a request of a pool,
read by NumPy. Rule: whatever serves it, the job is this.
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Self

import cv2
import numpy as np
import openvino as ov
from numpy.typing import NDArray

from benchmarks.rivals import boxes_labels_numpy, yunet_numpy
from benchmarks.rivals.fitting import Array, Frame, letterboxed, stretched

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Head:
    """How a photo is brought into a network, and how its boxes are read."""

    fit: Callable[[Pixels, int, int], Frame]
    read: Callable[[ov.InferRequest, int, int, float, float], Array]


HEADS = {
    "yunet": Head(letterboxed, yunet_numpy.read),
    "boxes_labels": Head(stretched, boxes_labels_numpy.read),
}


@dataclass(frozen=True, kw_only=True)
class Job:
    """What is asked for; `hint` is OpenVINO's: latency or throughput."""

    model: Path
    head: str
    hint: str
    min_confidence: float
    iou_threshold: float

    @classmethod
    def add_options(cls, parser: argparse.ArgumentParser) -> None:
        """Options of these names."""
        parser.add_argument("--model", type=Path, required=True)
        parser.add_argument("--head", choices=HEADS, required=True)
        parser.add_argument("--hint", choices=("latency", "throughput"), required=True)
        parser.add_argument("--min-confidence", type=float, required=True)
        parser.add_argument("--iou-threshold", type=float, required=True)

    @classmethod
    def of(cls, options: argparse.Namespace) -> Self:
        """What was given on the command line."""
        return cls(
            model=options.model,
            head=options.head,
            hint=options.hint,
            min_confidence=options.min_confidence,
            iou_threshold=options.iou_threshold,
        )


class Detector:
    """Does the job, for any number of threads.

    As many infer at a time as OpenVINO finds best for the hint; the others wait.
    """

    def __init__(self, job: Job) -> None:
        """Reads and compiles the network."""
        self._job = job
        self._head = HEADS[job.head]
        compiled = ov.Core().compile_model(job.model, "CPU", {"PERFORMANCE_HINT": job.hint.upper()})
        _, _, self._height, self._width = compiled.inputs[0].shape
        self._pool: SimpleQueue[ov.InferRequest] = SimpleQueue()
        for _ in range(compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS")):
            self._pool.put(compiled.create_infer_request())

    def detect(self, jpeg: bytes) -> Array:
        """Rows of x_min, y_min, x_max, y_max in pixels of the photo, and confidence."""
        photo = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
        if photo is None:
            raise ValueError("not an image")
        frame = self._head.fit(np.asarray(photo, np.uint8), self._width, self._height)
        request = self._pool.get()
        try:
            request.infer({0: frame.tensor})
            found = self._head.read(
                request,
                self._width,
                self._height,
                self._job.min_confidence,
                self._job.iou_threshold,
            )
        finally:
            self._pool.put(request)
        found[:, :4] /= (*frame.scale, *frame.scale)
        height, width = photo.shape[:2]
        found[:, :4] = np.clip(found[:, :4], 0, (width, height, width, height))
        return found
