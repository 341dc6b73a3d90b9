"""Fuzz target: any bytes as pixels or as the outputs of a network, given to the extension."""

from collections.abc import Callable

import numpy as np

from facewire_ext import (
    AnchorLevels,
    AtssLevels,
    YoloLevels,
    YoloRows,
    YunetLevels,
    decode_anchors,
    decode_atss,
    decode_boxes_labels,
    decode_boxes_scores,
    decode_ssd,
    decode_yolo,
    decode_yolo_levels,
    decode_yunet,
    fit,
    fit_yuv,
    nms,
    simd_level,
    simd_levels,
    soft_nms,
    use_simd_level,
)
from tests.ext.arrays import Outputs, assert_sound
from tests.fuzz.extension_case import STRIDE, Case

_PER_LEVEL = (0, 1, 5)
_FUSIONS = ("product", "geometric_mean")
_METHODS = ("linear", "gaussian")


def _ssd(case: Case, outputs: Outputs) -> int:
    return decode_ssd(
        case.supply().take(case.across * case.down, 7),
        *outputs.arrays,
        placement=case.placement,
        min_confidence=case.min_confidence,
        iou_threshold=case.iou_threshold,
        workspace=case.workspace,
    )


def _boxes_labels(case: Case, outputs: Outputs) -> int:
    numbers, count = case.supply(), case.across * case.down
    return decode_boxes_labels(
        numbers.take(count, 5),
        numbers.take(count).view(np.int32),
        *outputs.arrays,
        placement=case.placement,
        min_confidence=case.min_confidence,
        iou_threshold=case.iou_threshold,
        workspace=case.workspace,
    )


def _boxes_scores(case: Case, outputs: Outputs) -> int:
    numbers, count = case.supply(), case.across * case.down
    return decode_boxes_scores(
        numbers.take(count, 4),
        numbers.take(count),
        numbers.take(count).view(np.int32),
        *outputs.arrays,
        placement=case.placement,
        min_confidence=case.min_confidence,
        iou_threshold=case.iou_threshold,
        workspace=case.workspace,
    )


def _atss(case: Case, outputs: Outputs) -> int:
    numbers, size = case.supply(), (case.down, case.across)
    logits = numbers.take(case.classes, *size)
    level = (logits, numbers.take(4, *size), numbers.take(1, *size))
    levels = AtssLevels(
        [level, level],
        strides=[STRIDE, STRIDE],
        octave_base_scale=8,
        score_fusion=_FUSIONS[case.switches >> 1 & 1],
    )
    return decode_atss(
        levels,
        *outputs.arrays,
        placement=case.placement,
        min_confidence=case.min_confidence,
        iou_threshold=case.iou_threshold,
        candidates_per_level=_PER_LEVEL[case.switches >> 2 & 1],
        workspace=case.workspace,
    )


def _yunet(case: Case, outputs: Outputs) -> int:
    numbers, count = case.supply(), case.across * case.down
    scores, objects = numbers.take(count, 1), numbers.take(count, 1)
    levels = YunetLevels(
        [(scores, objects, numbers.take(count, 4), numbers.take(count, 10))],
        strides=[STRIDE],
        input_width=case.placement.input_width,
        input_height=case.placement.input_height,
    )
    return decode_yunet(
        levels,
        *outputs.arrays,
        outputs.landmarks,
        placement=case.placement,
        min_confidence=case.min_confidence,
        iou_threshold=case.iou_threshold,
        candidates_per_level=_PER_LEVEL[case.switches >> 2 & 1],
        workspace=case.workspace,
    )


def _anchors(case: Case, outputs: Outputs) -> int:
    numbers, count, priors = (
        case.supply(),
        case.across * case.down * case.classes,
        case.switches & 2,
    )
    level = (numbers.take(count, 2 if priors else 1), numbers.take(count, 4))
    levels = AnchorLevels(
        [(*level, numbers.take(count, 10))],
        strides=[STRIDE],
        input_width=case.placement.input_width,
        input_height=case.placement.input_height,
        anchors=case.classes,
        sides=[range(8, 8 + case.classes)] if priors else None,
    )
    return decode_anchors(
        levels,
        *outputs.arrays,
        outputs.landmarks,
        placement=case.placement,
        min_confidence=case.min_confidence,
        iou_threshold=case.iou_threshold,
        workspace=case.workspace,
    )


def _yolo(case: Case, outputs: Outputs) -> int:
    size, transposed = (case.across * case.down, 20 + case.classes), bool(case.switches & 2)
    rows = YoloRows(
        case.supply().take(*(size[::-1] if transposed else size)),
        transposed=transposed,
        scores=5,
        classes=case.classes,
        objectness=4 if case.switches & 4 else -1,
        class_column=4 if case.switches & 8 else -1,
        landmarks=5 + case.classes,
        landmark_step=2 + (case.switches >> 4 & 1),
        corners=bool(case.switches & 32),
    )
    return decode_yolo(
        rows,
        *outputs.arrays,
        outputs.landmarks,
        placement=case.placement,
        min_confidence=case.min_confidence,
        iou_threshold=case.iou_threshold,
        workspace=case.workspace,
    )


def _yolo_levels(case: Case, outputs: Outputs) -> int:
    numbers, step = case.supply(), 2 + (case.switches >> 4 & 1)
    size = (64 + case.classes + 5 * step, case.down, case.across)
    levels = YoloLevels(
        [numbers.take(*size), numbers.take(*size)],
        strides=[STRIDE, STRIDE],
        classes=case.classes,
        landmark_step=step,
    )
    return decode_yolo_levels(
        levels,
        *outputs.arrays,
        outputs.landmarks,
        placement=case.placement,
        min_confidence=case.min_confidence,
        iou_threshold=case.iou_threshold,
        workspace=case.workspace,
    )


Decoder = Callable[[Case, Outputs], int]
HEADS: tuple[Decoder, ...] = (
    *(_ssd, _boxes_labels, _atss, _yunet, _boxes_scores),
    *(_anchors, _yolo, _yolo_levels),
)


def _suppress(case: Case) -> bytes:
    """Suppress the same boxes by NMS and Soft-NMS; return all that they have written."""
    numbers, count = case.supply(), case.across * case.down
    boxes, scores = numbers.take(count, 4), numbers.take(count)
    kept, taken = np.full(case.room, -7, np.int32), np.full(case.room, -7, np.int64)
    rescored = np.full(case.room, np.nan, np.float32)
    classes = numbers.take(count).view(np.int32) if case.switches & 2 else None
    threshold = 0.0 if case.iou_threshold is None else case.iou_threshold
    first = nms(boxes, scores, kept, iou_threshold=threshold, class_ids=classes)
    second = soft_nms(
        boxes,
        scores,
        taken,
        rescored,
        method=_METHODS[case.switches >> 2 & 1],
        iou_threshold=threshold,
        min_confidence=case.min_confidence,
        class_ids=classes,
    )
    for chosen, written in ((kept, first), (taken, second)):
        assert 0 <= written <= case.room
        assert len(set(chosen[:written])) == written
        assert ((chosen[:written] >= 0) & (chosen[:written] < count)).all()
        assert (chosen[written:] == -7).all()
    for sorted_scores in (scores[kept[:first]], rescored[:second]):
        assert (sorted_scores[1:] <= sorted_scores[:-1]).all()
    return kept.tobytes() + taken.tobytes() + rescored.tobytes()


def _fit(case: Case) -> bytes:
    """Draw the numbers, as pixels and as video, into a part of an input."""
    rows, columns, channels = case.down, case.across, (1, 3, 4)[case.classes - 1]
    size = (rows * 2, columns * 2)
    pixels = case.supply().take(size[0] * size[1]).view(np.uint8)
    image = pixels[: size[0] * size[1] * channels].reshape(*size, channels)
    luma = pixels[: size[0] * size[1]].reshape(size)
    chroma = pixels[: rows * columns * 2].reshape(rows, columns, 2)
    width, height = case.room % 23 + 1, case.room % 17 + 1
    x, y = case.switches & 3, case.switches >> 2 & 3
    orientation = case.kind % 8 + 1
    out = np.full((2, 3, y + height + 2, x + width + 1), 7, np.uint8)
    place = (x, y, width, height)
    fit(image, out[0], place=place, orientation=orientation, rgb=case.classes == 2, pad_value=9)
    kept = (columns // 2, rows // 3, columns + 1, rows)
    u, v = chroma[:, :, 0], chroma[:, :, 1]
    fit_yuv(luma, u, v, out[1], kept=kept, place=place, orientation=orientation, pad_value=9)
    around = out.copy()
    around[:, :, y : y + height, x : x + width] = 9
    assert (around == 9).all(), "the padding is not what was asked for"
    return out.tobytes()


def _detect(case: Case) -> bytes:
    outputs = Outputs.of(case.room)
    count = HEADS[case.kind % len(HEADS)](case, outputs)
    assert_sound(outputs, count, case.placement)
    assert (outputs.confidences[:count] >= np.float32(case.min_confidence)).all()
    return b"".join(array.tobytes() for array in outputs.arrays)


def _work_of(kind: int) -> Callable[[Case], bytes]:
    """What a case is given to, by its first byte."""
    if kind >= 200:
        return _suppress
    return _fit if kind >= 150 else _detect


def try_input(data: bytes) -> None:
    """Decode one input; AssertionError when a rule is broken, any other error is a bug too.

    All SIMD levels must write the same bits.
    """
    try:
        case = Case.read(data)
    except ValueError:
        return
    if case is None:
        return
    usual = simd_level()
    written = set()
    try:
        for level in simd_levels():
            use_simd_level(level)
            written.add(_work_of(case.kind)(case))
    finally:
        use_simd_level(usual)
    assert len(written) == 1
