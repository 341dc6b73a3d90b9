"""Photos whose faces are known because they were put there.

Rule: no two photos are of one size, so that an answer tells which photo it is of.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.harness.images import encoded, iou, pixels
from facewire.v1 import detect_pb2 as pb

Box = tuple[float, float, float, float]
"""x_min, y_min, x_max, y_max in pixels of the photo."""

HEAD = (slice(0, 256), slice(96, 352))
"""Where the head of the astronaut is: rows, columns."""

FACE = (0.31, 0.25, 0.67, 0.68)
"""Where the face is in the head, as parts of its sides."""

TILE, STEP, MARGIN, COLUMNS = 180, 195, 10, 3
MOST_FACES = 6

PLACED, SAME = 0.5, 0.8
"""Least IoU of a box with the place where the face was put, and with the box that was
found without other traffic. Beside others a request runs in another form of the network."""


@dataclass(frozen=True, slots=True)
class Photo:
    """A JPEG, its size, and where its faces are."""

    jpeg: bytes
    width: int
    height: int
    faces: tuple[Box, ...]
    min_iou: float = PLACED

    def mistake(self, size: tuple[int, int], boxes: Sequence[Box]) -> str:
        """What is wrong with an answer's size and boxes; empty: nothing."""
        if size != (self.width, self.height):
            return f"the answer to {self} is of a photo of {size}"
        if len(boxes) != len(self.faces) or not all(
            any(iou(known, box) >= self.min_iou for box in boxes) for known in self.faces
        ):
            return f"the answer to {self} has {boxes}, not {self.faces}"
        return ""

    def confirmed(self, size: tuple[int, int], boxes: Sequence[Box]) -> "Photo":
        """The same with the boxes of an answer that was given without other traffic.

        Raises SystemExit when that is wrong already.
        """
        if mistake := self.mistake(size, boxes):
            raise SystemExit(f"before the traffic: {mistake}")
        return replace(self, faces=tuple(boxes), min_iou=SAME)

    def __str__(self) -> str:
        return f"photo {self.width}x{self.height} with {len(self.faces)} faces"


def photos(count: int = 14) -> Sequence[Photo]:
    """Photos with none to six faces; one in five is of several megapixels."""
    head = cv2.resize(pixels()[HEAD], (TILE, TILE))
    return [
        _photo(head, number % (MOST_FACES + 1), number, 4 if number % 5 == 4 else 1)
        for number in range(count)
    ]


def seen(answer: pb.DetectResponse) -> tuple[tuple[int, int], Sequence[Box]]:
    """The size and the boxes of an answer."""
    boxes = [each.box for each in answer.detections]
    sides = [(box.x_min, box.y_min, box.x_max, box.y_max) for box in boxes]
    return (answer.image_width, answer.image_height), sides


def _photo(head: NDArray[np.generic], faces: int, number: int, scale: int) -> Photo:
    width, height = 600 + 7 * number, 420 + 5 * number
    canvas = np.full((height, width, 3), 128, np.uint8)
    boxes: list[Box] = []
    for place in range(faces):
        row, column = divmod(place, COLUMNS)
        top, left = MARGIN + STEP * row, MARGIN + STEP * column
        mirrored = place % 2 == 1
        canvas[top : top + TILE, left : left + TILE] = head[:, ::-1] if mirrored else head
        x_min, x_max = (1 - FACE[2], 1 - FACE[0]) if mirrored else (FACE[0], FACE[2])
        x_min, x_max = left + TILE * x_min, left + TILE * x_max
        y_min, y_max = top + TILE * FACE[1], top + TILE * FACE[3]
        boxes.append((scale * x_min, scale * y_min, scale * x_max, scale * y_max))
    large = np.asarray(cv2.resize(canvas, None, fx=scale, fy=scale), np.uint8)
    return Photo(encoded(large), scale * width, scale * height, tuple(boxes))
