"""The extension as the server calls it: bound once, arrays reused."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from benchmarks.postprocessing.heads import (
    ATSS_STRIDES,
    OCTAVE_BASE_SCALE,
    YUNET_STRIDES,
    Array,
    AtssLevel,
    YunetLevel,
)
from facewire_ext import AtssLevels, Placement, Workspace, YunetLevels, decode_atss, decode_yunet

IMAGE_WIDTH, IMAGE_HEIGHT = 1024, 768
IOU_THRESHOLD = 0.5
MAX_DETECTIONS = 750

Extension = Callable[[float], tuple[Array, Array]]
"""From the least confidence to boxes [n,4] and confidences [n]."""


def atss_extension(levels: Sequence[AtssLevel], side: int) -> Extension:
    """`decode_atss` for these levels, of a photo that is stretched to the input."""
    bound = AtssLevels(levels, strides=ATSS_STRIDES, octave_base_scale=OCTAVE_BASE_SCALE)
    return _extension(partial(decode_atss, bound), side)


def yunet_extension(levels: Sequence[YunetLevel], side: int) -> Extension:
    """`decode_yunet` for these levels, of a photo that is stretched to the input."""
    bound = YunetLevels(levels, strides=YUNET_STRIDES, input_width=side, input_height=side)
    return _extension(
        partial(decode_yunet, bound), side, np.zeros((MAX_DETECTIONS, 10), np.float32)
    )


def _extension(decode: Callable[..., Any], side: int, *landmarks: Array) -> Extension:
    boxes = np.zeros((MAX_DETECTIONS, 4), np.float32)
    confidences = np.zeros(MAX_DETECTIONS, np.float32)
    class_ids = np.zeros(MAX_DETECTIONS, np.int32)
    scale = side / IMAGE_WIDTH, side / IMAGE_HEIGHT
    placement = Placement(side, side, IMAGE_WIDTH, IMAGE_HEIGHT, *scale, 0.0, 0.0)
    workspace = Workspace()

    def detect(min_confidence: float) -> tuple[Array, Array]:
        written = decode(
            boxes,
            confidences,
            class_ids,
            *landmarks,
            placement=placement,
            min_confidence=min_confidence,
            iou_threshold=IOU_THRESHOLD,
            workspace=workspace,
        )
        return boxes[:written], confidences[:written]

    return detect
