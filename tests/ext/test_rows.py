"""decode_ssd, decode_boxes_labels and decode_boxes_scores against the reference."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from facewire_ext import (
    Placement,
    Workspace,
    decode_boxes_labels,
    decode_boxes_scores,
    decode_ssd,
)
from tests.ext.arrays import Outputs, assert_same, assert_sound, stretch
from tests.ext.reference import Choice, detect
from tests.ext.reference_heads import boxes_labels, boxes_scores, ssd

Array = NDArray[np.float32]
ANY = st.floats(width=32)
CHOICES = st.builds(
    Choice,
    min_confidence=st.sampled_from([0.0, 0.02, 0.5]),
    iou_threshold=st.sampled_from([None, 0.0, 0.5]),
    room=st.sampled_from([0, 3, 100]),
)


def run_ssd(rows: Array, placement: Placement, choice: Choice) -> tuple[Outputs, int]:
    outputs = Outputs.of(choice.room)
    count = decode_ssd(
        rows,
        *outputs.arrays,
        placement=placement,
        min_confidence=choice.min_confidence,
        iou_threshold=choice.iou_threshold,
        workspace=Workspace(),
    )
    assert_sound(outputs, count, placement)
    return outputs, count


def run_boxes_labels(
    boxes: Array,
    labels: NDArray[np.integer] | None,
    placement: Placement,
    choice: Choice,
) -> tuple[Outputs, int]:
    outputs = Outputs.of(choice.room)
    count = decode_boxes_labels(
        boxes,
        labels,
        *outputs.arrays,
        placement=placement,
        min_confidence=choice.min_confidence,
        iou_threshold=choice.iou_threshold,
        workspace=Workspace(),
    )
    assert_sound(outputs, count, placement)
    return outputs, count


def run_boxes_scores(
    boxes: Array,
    scores: Array,
    labels: NDArray[np.integer] | None,
    placement: Placement,
    choice: Choice,
) -> tuple[Outputs, int]:
    outputs = Outputs.of(choice.room)
    count = decode_boxes_scores(
        boxes,
        scores,
        labels,
        *outputs.arrays,
        placement=placement,
        min_confidence=choice.min_confidence,
        iou_threshold=choice.iou_threshold,
        workspace=Workspace(),
    )
    assert_sound(outputs, count, placement)
    return outputs, count


def random_boxes(random: np.random.Generator, count: int, side: float) -> Array:
    low = random.uniform(-0.2 * side, side, (count, 2))
    high = low + random.uniform(-0.1 * side, 0.5 * side, (count, 2))
    return np.hstack([low, high]).astype(np.float32)


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 60), CHOICES)
def test_random_ssd_rows_agree_with_the_reference(seed: int, count: int, choice: Choice) -> None:
    random = np.random.default_rng(seed)
    rows = np.zeros((1, 1, count, 7), np.float32)
    rows[0, 0, :, 1] = random.integers(-1, 3, count)
    rows[0, 0, :, 2] = random.random(count)
    rows[0, 0, :, 3:] = random_boxes(random, count, 1.0)
    rows[0, 0, count * 3 // 4 :, 0] = -1
    placement = stretch(300, 200, 100)
    outputs, written = run_ssd(rows, placement, choice)
    expected = detect(ssd(rows, 300, 300), placement, choice)
    assume(expected.margin > 1)
    assert_same(outputs, written, expected)


@settings(deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(0, 60),
    CHOICES,
    st.sampled_from([np.int32, np.int64]),
)
def test_random_boxes_and_labels_agree_with_the_reference(
    seed: int, count: int, choice: Choice, dtype: type[np.integer]
) -> None:
    random = np.random.default_rng(seed)
    labels = random.integers(-1, 3, count).astype(dtype)
    confidences = random.choice([0.0, -1.0, 0.25, 0.5, 0.75], (count, 1))
    boxes = np.hstack([random_boxes(random, count, 416), np.float32(confidences)])
    placement = stretch(416, 640, 480)
    outputs, written = run_boxes_labels(boxes, labels, placement, choice)
    expected = detect(boxes_labels(boxes, labels), placement, choice)
    assume(expected.margin > 1)
    assert_same(outputs, written, expected)


@settings(deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(0, 60),
    CHOICES,
    st.sampled_from([np.int32, np.int64]),
)
def test_random_boxes_and_scores_agree_with_the_reference(
    seed: int, count: int, choice: Choice, dtype: type[np.integer]
) -> None:
    random = np.random.default_rng(seed)
    labels = random.integers(-1, 3, count).astype(dtype)
    scores = random.choice([0.0, -1.0, 0.25, 0.5, 0.75], count).astype(np.float32)
    boxes = random_boxes(random, count, 1.0)
    placement = stretch(416, 640, 480)
    outputs, written = run_boxes_scores(boxes, scores, labels, placement, choice)
    expected = detect(boxes_scores(boxes, scores, labels, 416, 416), placement, choice)
    assume(expected.margin > 1)
    assert_same(outputs, written, expected)


def test_without_labels_all_boxes_are_of_class_0() -> None:
    boxes = np.array([[1, 1, 5, 5, 0.9], [8, 8, 20, 20, 0.8]], np.float32)
    placement, choice = stretch(64, 64, 64), Choice(0.5)
    outputs, count = run_boxes_labels(boxes, None, placement, choice)
    assert (count, outputs.class_ids[:2].tolist()) == (2, [0, 0])
    scores = np.array([0.9, 0.8], np.float32)
    normalised = np.ascontiguousarray(boxes[:, :4] / np.float32(64))
    outputs, count = run_boxes_scores(normalised, scores, None, placement, choice)
    assert (count, outputs.class_ids[:2].tolist()) == (2, [0, 0])


def test_no_rows_are_no_detections() -> None:
    labels = np.zeros((1, 0), np.int64)
    placement, choice = stretch(64, 64, 64), Choice(0.5)
    assert run_boxes_labels(np.zeros((1, 0, 5), np.float32), labels, placement, choice)[1] == 0
    boxes, scores = np.zeros((1, 0, 4), np.float32), np.zeros((1, 0), np.float32)
    assert run_boxes_scores(boxes, scores, labels, placement, choice)[1] == 0


def test_boxes_may_have_a_leading_axis() -> None:
    boxes = np.array([[[10, 10, 50, 60, 0.9], [0, 0, 5, 5, 0.0]]], np.float32)
    labels = np.zeros((1, 2), np.int32)
    outputs, count = run_boxes_labels(boxes, labels, stretch(64, 64, 64), Choice(0.0))
    assert (count, outputs.boxes[0].tolist()) == (1, [10, 10, 50, 60])


def test_ssd_rows_end_at_the_first_negative_image() -> None:
    rows = np.zeros((3, 7), np.float32)
    rows[:, 2:] = [0.9, 0.1, 0.1, 0.2, 0.2]
    rows[1, 0] = -1
    assert run_ssd(rows, stretch(64, 64, 64), Choice(0.5))[1] == 1


def test_a_label_beyond_int32_is_limited_to_the_largest_int32() -> None:
    rows = np.array([[0, 1e30, 0.9, 0, 0, 1, 1]], np.float32)
    outputs, count = run_ssd(rows, stretch(64, 64, 64), Choice(0.5))
    assert (count, outputs.class_ids[0]) == (1, 2**31 - 1)
    boxes = np.array([[0, 0, 9, 9, 0.9]], np.float32)
    labels = np.array([2**40])
    outputs, count = run_boxes_labels(boxes, labels, stretch(64, 64, 64), Choice(0.5))
    assert (count, outputs.class_ids[0]) == (1, 2**31 - 1)


@pytest.mark.parametrize("column", range(7))
def test_a_nan_in_a_row_drops_it(column: int) -> None:
    rows = np.array([[0, 1, 0.9, 0.1, 0.1, 0.2, 0.2]] * 2, np.float32)
    rows[0, column] = np.nan
    # Only the sign of an image_id matters.
    kept = 2 if column == 0 else 1
    assert run_ssd(rows, stretch(64, 64, 64), Choice(0.0))[1] == kept


@settings(deadline=None)
@given(
    hnp.arrays(np.float32, (8, 7), elements=ANY),
    hnp.arrays(np.float32, (8, 5), elements=ANY),
    hnp.arrays(np.int64, 8),
    CHOICES,
)
def test_broken_rows_give_no_nan_and_no_crash(
    rows: Array, boxes: Array, labels: NDArray[np.int64], choice: Choice
) -> None:
    run_ssd(rows, stretch(64, 30, 20), choice)
    run_boxes_labels(boxes, labels, stretch(64, 30, 20), choice)
    corners, scores = np.ascontiguousarray(boxes[:, :4]), np.ascontiguousarray(boxes[:, 4])
    run_boxes_scores(corners, scores, labels, stretch(64, 30, 20), choice)


def test_infinite_confidences_come_first_in_their_order() -> None:
    rows = np.tile(np.array([1, 2, 5, 6, 0], np.float32), (4, 1))
    rows[:, 4] = [0.5, np.inf, 0.75, np.inf]
    labels = np.arange(4)
    choice = Choice(min_confidence=0.5, iou_threshold=None, room=10)
    outputs, count = run_boxes_labels(rows, labels, stretch(8, 8, 8), choice)
    assert count == 4
    assert outputs.class_ids[:4].tolist() == [1, 3, 2, 0]
    assert outputs.confidences[:4].tolist() == [np.inf, np.inf, 0.75, 0.5]
