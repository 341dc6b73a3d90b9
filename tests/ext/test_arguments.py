"""Every function refuses wrong shapes, types, gaps, thresholds and lengths."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from facewire_ext import (
    AnchorLevels,
    AtssLevels,
    Workspace,
    YoloRows,
    YunetLevels,
    decode_anchors,
    decode_atss,
    decode_boxes_labels,
    decode_boxes_scores,
    decode_ssd,
    decode_yolo,
    decode_yunet,
    nms,
    rescale,
    soft_nms,
)
from tests.ext.arrays import misaligned, unchanged, zeros

ROOM = 3


def atss() -> AtssLevels:
    level = (zeros(1, 1, 2, 2), zeros(1, 4, 2, 2), zeros(1, 1, 2, 2))
    return AtssLevels([level], strides=[8], octave_base_scale=8)


def yunet() -> YunetLevels:
    level = (zeros(1, 4, 1), zeros(1, 4, 1), zeros(1, 4, 4), zeros(1, 4, 10))
    return YunetLevels([level], strides=[8], input_width=16, input_height=16)


def anchors() -> AnchorLevels:
    level = (zeros(1, 4, 1), zeros(1, 4, 4), zeros(1, 4, 10))
    return AnchorLevels([level], strides=[8], input_width=16, input_height=16, anchors=1)


class Call:
    """Call each decoder with valid arguments, of which some may be replaced."""

    def __init__(self) -> None:
        self.boxes = zeros(ROOM, 4)
        self.confidences = zeros(ROOM)
        self.class_ids = np.zeros(ROOM, np.int32)
        self.landmarks = zeros(ROOM, 10)
        self.min_confidence = 0.5
        self.iou_threshold: float | None = 0.5
        self.candidates_per_level = 0

    def options(self) -> dict[str, Any]:
        """The arguments that all decoders have."""
        return {
            "placement": unchanged(16),
            "min_confidence": self.min_confidence,
            "iou_threshold": self.iou_threshold,
            "workspace": Workspace(),
        }

    def atss(self) -> int:
        return decode_atss(
            atss(),
            self.boxes,
            self.confidences,
            self.class_ids,
            **self.options(),
            candidates_per_level=self.candidates_per_level,
        )

    def yunet(self) -> int:
        return decode_yunet(
            yunet(),
            self.boxes,
            self.confidences,
            self.class_ids,
            self.landmarks,
            **self.options(),
            candidates_per_level=self.candidates_per_level,
        )

    def anchors(self) -> int:
        return decode_anchors(
            anchors(),
            self.boxes,
            self.confidences,
            self.class_ids,
            self.landmarks,
            **self.options(),
        )

    def yolo(self) -> int:
        return decode_yolo(
            YoloRows(zeros(1, 4, 15), transposed=False, scores=4, landmarks=5),
            self.boxes,
            self.confidences,
            self.class_ids,
            self.landmarks,
            **self.options(),
        )

    def ssd(self) -> int:
        return decode_ssd(
            zeros(1, 1, 2, 7),
            self.boxes,
            self.confidences,
            self.class_ids,
            **self.options(),
        )

    def boxes_labels(self) -> int:
        return decode_boxes_labels(
            zeros(2, 5),
            np.zeros(2, np.int32),
            self.boxes,
            self.confidences,
            self.class_ids,
            **self.options(),
        )

    def boxes_scores(self) -> int:
        return decode_boxes_scores(
            zeros(2, 4),
            zeros(2),
            np.zeros(2, np.int32),
            self.boxes,
            self.confidences,
            self.class_ids,
            **self.options(),
        )


WITH_LANDMARKS = [Call.yunet, Call.anchors, Call.yolo]
DECODERS = [Call.atss, Call.ssd, Call.boxes_labels, Call.boxes_scores, *WITH_LANDMARKS]
decoders = pytest.mark.parametrize("decode", DECODERS)
Decoder = Callable[[Call], int]


@decoders
def test_valid_arguments_are_accepted(decode: Decoder) -> None:
    assert decode(Call()) == 0


@decoders
@pytest.mark.parametrize("value", [-0.01, 1.01, np.nan, np.inf])
def test_a_threshold_outside_its_range_is_refused(decode: Decoder, value: float) -> None:
    call = Call()
    call.min_confidence = value
    with pytest.raises(ValueError, match="min_confidence"):
        decode(call)
    call = Call()
    call.iou_threshold = value
    with pytest.raises(ValueError, match="iou_threshold"):
        decode(call)


@decoders
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("boxes", zeros(ROOM, 5)),
        ("boxes", zeros(ROOM + 1, 4)),
        ("boxes", zeros(ROOM)),
        ("boxes", np.zeros((ROOM, 4))),
        ("boxes", zeros(4, ROOM).T[:, :4]),
        ("boxes", misaligned(ROOM, 4)),
        ("confidences", misaligned(ROOM)),
        ("confidences", zeros(ROOM - 1)),
        ("confidences", zeros(2 * ROOM)[::2]),
        ("class_ids", np.zeros(ROOM + 1, np.int32)),
        ("class_ids", np.zeros(ROOM, np.int64)),
        ("class_ids", np.zeros(ROOM, np.uint32)),
    ],
)
def test_outputs_that_do_not_fit_are_refused(
    decode: Decoder, name: str, value: NDArray[np.generic]
) -> None:
    call = Call()
    setattr(call, name, value)
    with pytest.raises(ValueError):
        decode(call)


@decoders
def test_outputs_that_cannot_be_written_are_refused(decode: Decoder) -> None:
    call = Call()
    call.boxes.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        decode(call)


@pytest.mark.parametrize("decode", WITH_LANDMARKS)
@pytest.mark.parametrize("shape", [(ROOM, 9), (ROOM + 1, 10)])
def test_landmarks_that_do_not_fit_are_refused(decode: Decoder, shape: tuple[int, int]) -> None:
    call = Call()
    call.landmarks = zeros(*shape)
    with pytest.raises(ValueError, match="landmarks"):
        decode(call)


@pytest.mark.parametrize("decode", [Call.atss, Call.yunet])
def test_a_negative_number_of_candidates_is_refused(decode: Decoder) -> None:
    call = Call()
    call.candidates_per_level = -1
    with pytest.raises(ValueError, match="candidates_per_level"):
        decode(call)


def test_read_only_inputs_are_accepted() -> None:
    boxes, confidences = zeros(2, 4), zeros(2)
    boxes.flags.writeable = confidences.flags.writeable = False
    keep, out = np.zeros(2, np.int64), zeros(2, 4)
    assert nms(boxes, confidences, keep, iou_threshold=0.5) == 0
    rescale(boxes, out, placement=unchanged(4))


@pytest.mark.parametrize("keep", [np.zeros(2), np.zeros((2, 2), np.int64)])
def test_indices_of_another_kind_are_refused(keep: NDArray[np.generic]) -> None:
    with pytest.raises(ValueError, match="keep"):
        nms(zeros(2, 4), zeros(2), keep, iou_threshold=0.5)
    with pytest.raises(ValueError, match="keep"):
        soft_nms(zeros(2, 4), zeros(2), keep, zeros(2))


def test_lengths_that_disagree_are_refused() -> None:
    keep, classes = np.zeros(2, np.int64), np.zeros(1, np.int32)
    with pytest.raises(ValueError, match="confidences"):
        nms(zeros(2, 4), zeros(3), keep, iou_threshold=0.5)
    with pytest.raises(ValueError, match="class_ids"):
        nms(zeros(2, 4), zeros(2), keep, iou_threshold=0.5, class_ids=classes)
    with pytest.raises(ValueError, match="columns"):
        nms(zeros(2, 5), zeros(2), keep, iou_threshold=0.5)
    with pytest.raises(ValueError, match="aligned"):
        nms(misaligned(2, 4), zeros(2), keep, iou_threshold=0.5)
    with pytest.raises(ValueError, match="rescored"):
        soft_nms(zeros(2, 4), zeros(2), keep, zeros(3))
    with pytest.raises(ValueError, match="rows"):
        rescale(zeros(2, 4), zeros(3, 4), placement=unchanged(4))
    with pytest.raises(ValueError, match="columns"):
        rescale(zeros(2, 4), zeros(2, 5), placement=unchanged(4))
