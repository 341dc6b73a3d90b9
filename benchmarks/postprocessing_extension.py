"""The extension as `benchmarks.postprocessing` calls it: bound once, arrays reused."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from benchmarks.postprocessing_data import (
    ATSS_STRIDES,
    OCTAVE_BASE_SCALE,
    YUNET_STRIDES,
    AtssLevel,
    YunetLevel,
)
from facewire_ext import (
    AtssLevels,
    Placement,
    Workspace,
    YunetLevels,
    decode_atss,
    decode_yunet,
)

IMAGE_WIDTH, IMAGE_HEIGHT = 1024, 768
IOU_THRESHOLD = 0.5
ROOM = 750

Array = NDArray[np.float32]
# From the least confidence to boxes and confidences.
Extension = Callable[[float], tuple[Array, Array]]


class Call:
    """The caller's arrays, and how the photo lies in the input: a stretch."""

    def __init__(self, side: int) -> None:
        self.boxes = np.zeros((ROOM, 4), np.float32)
        self.confidences = np.zeros(ROOM, np.float32)
        self.class_ids = np.zeros(ROOM, np.int32)
        self.landmarks = np.zeros((ROOM, 10), np.float32)
        self.workspace = Workspace()
        self.placement = Placement(
            side,
            side,
            IMAGE_WIDTH,
            IMAGE_HEIGHT,
            side / IMAGE_WIDTH,
            side / IMAGE_HEIGHT,
            0.0,
            0.0,
        )


def atss_extension(levels: list[AtssLevel], side: int) -> Extension:
    bound = AtssLevels(levels, strides=ATSS_STRIDES, octave_base_scale=OCTAVE_BASE_SCALE)
    call = Call(side)

    def detect(min_confidence: float) -> tuple[Array, Array]:
        written = decode_atss(
            bound,
            call.boxes,
            call.confidences,
            call.class_ids,
            placement=call.placement,
            min_confidence=min_confidence,
            iou_threshold=IOU_THRESHOLD,
            workspace=call.workspace,
        )
        return call.boxes[:written], call.confidences[:written]

    return detect


def yunet_extension(levels: list[YunetLevel], side: int) -> Extension:
    bound = YunetLevels(levels, strides=YUNET_STRIDES, input_width=side, input_height=side)
    call = Call(side)

    def detect(min_confidence: float) -> tuple[Array, Array]:
        written = decode_yunet(
            bound,
            call.boxes,
            call.confidences,
            call.class_ids,
            call.landmarks,
            placement=call.placement,
            min_confidence=min_confidence,
            iou_threshold=IOU_THRESHOLD,
            workspace=call.workspace,
        )
        return call.boxes[:written], call.confidences[:written]

    return detect
