"""Tiles: overlapping parts of a picture that the network sees one by one.

Rule: a model that was trained on tiles gets the tiles that OpenVINO's Model API gives it, and
results are merged in the same way. Other models get tiles of their input's size, so that
nothing is reduced, with none smaller than the others: the narrow rest at the edge that
training has seen would be stretched into something that they have not.
Source: openvino-model-api 0.4.7, model_api/tilers.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import NamedTuple, Self

import numpy as np

import facewire_ext
from facewire_server.errors import Reason, RequestError
from facewire_server.image.limits import ImageLimits
from facewire_server.image.picture import Picture
from facewire_server.inference.heads.base import Found, Head

OVERLAP = 0.2
"""The part of a tile that the next one covers too, where the model does not say."""

MERGE_IOU = 0.45
"""The IoU above which detections of several tiles are one, where neither the request nor the
model says; Model API's default."""

MAX_MERGED = 10_000
"""The most detections of all tiles. With min_confidence 0 they may have a million candidates:
to suppress and answer them all would take ten seconds."""


class Tile(NamedTuple):
    """A part of an upright picture, in pixels."""

    left: int
    top: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Grid:
    """How pictures are divided for one model, into tiles of at most `width` x `height` pixels.

    `overlap` is the part of a side that neighbours share, or more. `is_trained`: the model was
    trained on such tiles; those at the right and lower edge are then what is left, else as
    large as the others. `full_image`: the whole picture is one tile more. The rest is for
    merging what was found, unless the request says other: `iou_threshold` within [0, 1],
    `max_detections` at least 1.
    """

    width: int
    height: int
    overlap: float
    is_trained: bool
    full_image: bool
    iou_threshold: float
    max_detections: int

    @classmethod
    def of(cls, head: Head, input_size: tuple[int, int], max_detections: int) -> Self:
        """The grid of a model, with the default of `max_detections`."""
        tiling = head.metadata.tiling
        width, height = (tiling.size, tiling.size) if tiling else input_size
        thresholds = (head.iou_threshold, head.metadata.iou_threshold, MERGE_IOU)
        return cls(
            width,
            height,
            tiling.overlap if tiling else OVERLAP,
            is_trained=tiling is not None,
            full_image=tiling is None or tiling.full_image,
            iou_threshold=next(each for each in thresholds if each is not None),
            max_detections=(tiling and tiling.max_detections) or max_detections,
        )

    def count(self, width: int, height: int) -> int:
        """How many tiles a picture of this size is divided into, the whole one included."""
        columns, rows = self._starts(width, self.width), self._starts(height, self.height)
        return len(columns) * len(rows) + self._adds_whole(width, height)

    def tiles(self, picture: Picture) -> list[Tile]:
        """The tiles of a picture: the whole one first, then column by column.

        Where pixels share chroma, tiles grow to even numbers.
        """
        width, height = picture.width, picture.height
        whole = [Tile(0, 0, width, height)] if self._adds_whole(width, height) else []
        columns, rows = self._starts(width, self.width), self._starts(height, self.height)
        even = picture.chroma is not None
        spans_x = [_span(left, self.width, width, even=even) for left in columns]
        spans_y = [_span(top, self.height, height, even=even) for top in rows]
        return whole + [Tile(x[0], y[0], x[1], y[1]) for x, y in product(spans_x, spans_y)]

    def _starts(self, length: int, size: int) -> Sequence[int]:
        """Where tiles of `size` begin along an axis of `length` pixels."""
        step = max(1, int(size * (1 - self.overlap)))
        if self.is_trained:
            return range(0, length, step)
        gaps = math.ceil(max(0, length - size) / step)
        return [round(i * (length - size) / gaps) for i in range(gaps + 1)] if gaps else [0]

    def _adds_whole(self, width: int, height: int) -> bool:
        """Whether the whole picture is a tile of its own, and not the only tile anyway."""
        return self.full_image and not (
            len(self._starts(width, self.width)) == len(self._starts(height, self.height)) == 1
        )


@dataclass(frozen=True, slots=True)
class TileLimits(ImageLimits):
    """The limits of an image that is divided by a grid: of the number of tiles, too."""

    grid: Grid = field(kw_only=True)

    @classmethod
    def of(cls, limits: ImageLimits, grid: Grid) -> Self:
        """Add a grid to the limits of any image."""
        return cls(limits.pixels, limits.side, limits.scans, limits.tiles, grid=grid)

    def check(self, width: int, height: int) -> None:
        """Raise IMAGE_TOO_LARGE also for too many tiles.

        Decoders call it before they decode, with the sides as stored: an image may still
        have to be rotated, so the lower count of both counts.
        """
        ImageLimits.check(self, width, height)
        count = min(self.grid.count(width, height), self.grid.count(height, width))
        if count > self.tiles:
            raise RequestError(
                Reason.IMAGE_TOO_LARGE,
                f"the image has {width} x {height} pixels, which are {count} tiles of"
                f" {self.grid.width} x {self.grid.height}, and the limit is {self.tiles}",
            )


def move(found: Found, tile: Tile) -> None:
    """Move detections, in place, from the pixels of a tile to those of the picture."""
    found.boxes[:] += np.array((tile.left, tile.top) * 2, np.float32)
    if found.landmarks is not None:
        points = found.landmarks.shape[1] // 2
        found.landmarks[:] += np.array((tile.left, tile.top) * points, np.float32)


def merge(parts: Sequence[Found], iou_threshold: float, max_detections: int) -> Found:
    """Merge the detections of all tiles, given in pixels of the picture.

    Of detections of one class that overlap by more than `iou_threshold` the best is kept,
    and of all the best `max_detections`, at most MAX_MERGED.
    """
    arrays = zip(*(part.arrays for part in parts), strict=True)
    found = Found(*(np.concatenate(each) for each in arrays))
    keep = np.empty(min(len(found.confidences), max_detections, MAX_MERGED), np.int32)
    count = facewire_ext.nms(
        found.boxes,
        found.confidences,
        keep,
        iou_threshold=iou_threshold,
        class_ids=found.class_ids,
    )
    return Found(*(array[keep[:count]] for array in found.arrays))


def _span(start: int, size: int, length: int, *, even: bool) -> tuple[int, int]:
    """Start and size of a tile along an axis of `length` pixels, cut off at its end."""
    end = min(start + size, length)
    if even:
        start, end = start - start % 2, end + end % 2
    return start, end - start
