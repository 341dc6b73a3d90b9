"""The textbook job: a JPEG in, boxes out, with OpenCV, NumPy and a pool of requests."""

import argparse
import asyncio
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import cv2
import numpy as np
import openvino as ov
from numpy.typing import NDArray

Array = NDArray[np.float32]
STRIDES = (8, 16, 32)


def options_of(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """The command line with the options of the job; a rival's own options are left to it."""
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--head", choices=("yunet", "boxes_labels"), required=True)
    parser.add_argument("--hint", choices=("latency", "throughput"), required=True)
    parser.add_argument("--min-confidence", type=float, required=True)
    parser.add_argument("--iou-threshold", type=float, required=True)
    return parser.parse_known_args()[0]


class Detector:
    """Does the job, for any number of threads; as many infer at a time as OpenVINO finds best."""

    def __init__(self, options: argparse.Namespace) -> None:
        """Read and compile the network."""
        self._yunet = options.head == "yunet"
        self._min_confidence = options.min_confidence
        self._iou_threshold = options.iou_threshold
        hint = {"PERFORMANCE_HINT": options.hint.upper()}
        compiled = ov.Core().compile_model(options.model, "CPU", hint)
        _, _, self._height, self._width = compiled.inputs[0].shape
        self._pool: SimpleQueue[ov.InferRequest] = SimpleQueue()
        for _ in range(compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS")):
            self._pool.put(compiled.create_infer_request())

    async def detect_async(self, jpeg: bytes, *, on_loop: bool) -> Array:
        """Detect here, on the event loop, or on a thread."""
        return self.detect(jpeg) if on_loop else await asyncio.to_thread(self.detect, jpeg)

    def detect(self, jpeg: bytes) -> Array:
        """Rows of x_min, y_min, x_max, y_max in pixels of the photo, and confidence."""
        photo = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
        if photo is None:
            raise ValueError("not an image")
        tensor, scale = self._fit(np.asarray(photo, np.uint8))
        request = self._pool.get()
        try:
            request.infer({0: tensor})
            if self._yunet:
                found = self._read_yunet(request)
            else:  # decoded and suppressed by the network
                rows = np.asarray(request.get_tensor("boxes").data, np.float32)
                found = rows[rows[:, 4] >= self._min_confidence]
        finally:
            self._pool.put(request)
        found[:, :4] /= (*scale, *scale)
        height, width = photo.shape[:2]
        found[:, :4] = np.clip(found[:, :4], 0, (width, height, width, height))
        return found

    def _fit(self, photo: NDArray[np.uint8]) -> tuple[Array, tuple[float, float]]:
        """The input, and its pixels for each of the photo's; YuNet's keeps the aspect ratio."""
        rows, columns = photo.shape[:2]
        size = self._width, self._height
        if self._yunet:
            scale = min(self._width / columns, self._height / rows)
            size = round(columns * scale), round(rows * scale)
        canvas = np.zeros((self._height, self._width, 3), np.uint8)
        canvas[: size[1], : size[0]] = cv2.resize(photo, size)
        tensor = np.ascontiguousarray(canvas.transpose(2, 0, 1)[None], np.float32)
        return tensor, (size[0] / columns, size[1] / rows)

    def _read_yunet(self, request: ov.InferRequest) -> Array:
        """Rows from YuNet's outputs: only cells that reach the threshold are decoded."""
        rows = np.concatenate([self._read_level(request, stride) for stride in STRIDES])
        if not len(rows):
            return rows
        # Its types ask for lists, but arrays are what it is fast with.
        suppress: Any = cv2.dnn.NMSBoxes
        sized = np.hstack([rows[:, :2], rows[:, 2:4] - rows[:, :2]])
        kept = suppress(sized, rows[:, 4], self._min_confidence, self._iou_threshold)
        return rows[np.asarray(kept, np.intp).reshape(-1)]

    def _read_level(self, request: ov.InferRequest, stride: int) -> Array:
        classes, objects, boxes = (
            request.get_tensor(f"{kind}_{stride}").data[0] for kind in ("cls", "obj", "bbox")
        )
        scores = np.sqrt(np.clip(classes[:, 0], 0, 1) * np.clip(objects[:, 0], 0, 1))
        found = np.flatnonzero(scores >= self._min_confidence)
        row, column = np.divmod(found, self._width // stride)
        x, y, w, h = boxes[found].T
        x, y = (column + x) * stride, (row + y) * stride
        half_w, half_h = np.exp(w) * stride / 2, np.exp(h) * stride / 2
        edges = x - half_w, y - half_h, x + half_w, y + half_h
        return np.stack([*edges, scores[found]], axis=1).astype(np.float32)
