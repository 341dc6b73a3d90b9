"""The textbook job: a JPEG in, boxes out, with OpenCV, NumPy and OpenVINO.

Decoded whole by cv2.imdecode, resized, float32 NCHW, inferred by a request of a pool,
read by NumPy. Rule: whatever serves it, the job is this.
"""

import argparse
from pathlib import Path
from queue import SimpleQueue
from typing import Any, NamedTuple, Self

import cv2
import numpy as np
import openvino as ov
from numpy.typing import NDArray

Array = NDArray[np.float32]
STRIDES = (8, 16, 32)
HEADS = ("yunet", "boxes_labels")


class Job(NamedTuple):
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
        return cls(*(getattr(options, name) for name in cls._fields))


class Detector:
    """Does the job, for any number of threads.

    As many infer at a time as OpenVINO finds best for the hint; the others wait.
    """

    def __init__(self, job: Job) -> None:
        """Read and compile the network."""
        self._job = job
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
        tensor, scale = self._fit(np.asarray(photo, np.uint8))
        request = self._pool.get()
        try:
            request.infer({0: tensor})
            read = _yunet if self._job.head == "yunet" else _boxes_labels
            found = read(request, self._width, self._job)
        finally:
            self._pool.put(request)
        found[:, :4] /= (*scale, *scale)
        height, width = photo.shape[:2]
        found[:, :4] = np.clip(found[:, :4], 0, (width, height, width, height))
        return found

    def _fit(self, photo: NDArray[np.uint8]) -> tuple[Array, tuple[float, float]]:
        """The input, and its pixels for each of the photo's, along x and y.

        YuNet's keeps the aspect ratio, at the top left and padded with black.
        """
        rows, columns = photo.shape[:2]
        size = self._width, self._height
        if self._job.head == "yunet":
            scale = min(self._width / columns, self._height / rows)
            size = round(columns * scale), round(rows * scale)
        canvas = np.zeros((self._height, self._width, 3), np.uint8)
        canvas[: size[1], : size[0]] = cv2.resize(photo, size)
        tensor = np.ascontiguousarray(canvas.transpose(2, 0, 1)[None], np.float32)
        return tensor, (size[0] / columns, size[1] / rows)


def _boxes_labels(request: ov.InferRequest, width: int, job: Job) -> Array:
    """Rows from the outputs of a network that decodes and suppresses by itself."""
    rows = np.asarray(request.get_tensor("boxes").data, np.float32)
    return rows[rows[:, 4] >= job.min_confidence]


def _yunet(request: ov.InferRequest, width: int, job: Job) -> Array:
    """Rows from YuNet's outputs: only cells that reach the threshold are decoded."""
    levels = [_yunet_level(request, stride, width, job.min_confidence) for stride in STRIDES]
    rows = np.concatenate(levels)
    if not len(rows):
        return rows
    # Its types ask for lists, but arrays are what it is fast with.
    suppress: Any = cv2.dnn.NMSBoxes
    sized = np.hstack([rows[:, :2], rows[:, 2:4] - rows[:, :2]])
    kept = suppress(sized, rows[:, 4], job.min_confidence, job.iou_threshold)
    return rows[np.asarray(kept, np.intp).reshape(-1)]


def _yunet_level(request: ov.InferRequest, stride: int, width: int, min_confidence: float) -> Array:
    classes, objects, boxes = (
        request.get_tensor(f"{kind}_{stride}").data[0] for kind in ("cls", "obj", "bbox")
    )
    scores = np.sqrt(np.clip(classes[:, 0], 0, 1) * np.clip(objects[:, 0], 0, 1))
    found = np.flatnonzero(scores >= min_confidence)
    row, column = np.divmod(found, width // stride)
    x, y, w, h = boxes[found].T
    x, y = (column + x) * stride, (row + y) * stride
    half_w, half_h = np.exp(w) * stride / 2, np.exp(h) * stride / 2
    edges = x - half_w, y - half_h, x + half_w, y + half_h
    return np.stack([*edges, scores[found]], axis=1).astype(np.float32)
