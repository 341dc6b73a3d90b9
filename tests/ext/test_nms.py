"""nms gives exactly the result of the plain greedy rule, for all kinds of boxes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from facewire_ext import Workspace, nms

Array = NDArray[np.float32]
Indices = NDArray[np.int64]
ANY = st.floats(width=32)


def plain_nms(
    boxes: Array, confidences: Array, class_ids: NDArray[np.int32], threshold: float
) -> list[int]:
    """The greedy rule in float32, as the extension states it, pair by pair."""
    with np.errstate(invalid="ignore", over="ignore", under="ignore"):
        boxes = np.clip(boxes, -(2**20), 2**20).astype(np.float32)
        sides = boxes[:, 2:] - boxes[:, :2]
        areas = sides[:, 0] * sides[:, 1]
        usable = (sides > np.float32(2**-20)).all(axis=1) & ~np.isnan(confidences)
    order = np.argsort(-confidences, kind="stable")
    kept: list[int] = []
    for index in order[usable[order]]:
        low = np.maximum(boxes[index, :2], boxes[kept, :2])
        high = np.minimum(boxes[index, 2:], boxes[kept, 2:])
        overlap = np.maximum(high - low, np.float32(0))
        with np.errstate(under="ignore"):
            inter = overlap[:, 0] * overlap[:, 1]
            limit = np.float32(threshold) * (areas[index] + areas[kept] - inter)
        same = class_ids[kept] == class_ids[index]
        if not (same & (inter > limit)).any():
            kept.append(int(index))
    return kept


def run(
    boxes: Array,
    confidences: Array,
    class_ids: NDArray[np.int32],
    threshold: float,
    room: int | None = None,
) -> list[int]:
    keep = np.full(len(boxes) if room is None else room, -1)
    count = nms(boxes, confidences, keep, iou_threshold=threshold, class_ids=class_ids)
    assert (keep[count:] == -1).all()
    return [int(index) for index in keep[:count]]


def crowd(seed: int, count: int, faces: int, spread: float) -> tuple[Array, Array]:
    """Candidates around faces of sizes over three octaves; confidences repeat."""
    random = np.random.default_rng(seed)
    face = random.integers(0, faces, count)
    centers = random.uniform(0, 640, (faces, 2))[face]
    sides = np.exp2(random.uniform(3, 7, (faces, 2)))[face]
    centers = centers + random.normal(0, spread, centers.shape) * sides
    sides = sides * np.exp(random.normal(0, spread, sides.shape))
    boxes = np.hstack([centers - sides / 2, centers + sides / 2])
    confidences = random.integers(1, 200, count) / 200
    return boxes.astype(np.float32), confidences.astype(np.float32)


@settings(deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    count=st.integers(0, 300),
    faces=st.integers(1, 40),
    spread=st.sampled_from([0.0, 0.1, 0.5, 3.0]),
    classes=st.integers(1, 3),
    threshold=st.sampled_from([0.0, 1e-6, 0.1, 0.3, 0.5, 0.7, 1.0]),
)
def test_crowds_are_suppressed_exactly_as_by_the_plain_rule(
    seed: int, count: int, faces: int, spread: float, classes: int, threshold: float
) -> None:
    boxes, confidences = crowd(seed, count, faces, spread)
    class_ids = np.random.default_rng(seed).integers(0, classes, count, np.int32)
    expected = plain_nms(boxes, confidences, class_ids, threshold)
    assert run(boxes, confidences, class_ids, threshold) == expected


@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.5, 0.9])
@pytest.mark.parametrize("spread", [0.1, 2.0])
def test_5000_candidates_are_suppressed_exactly(threshold: float, spread: float) -> None:
    boxes, confidences = crowd(11, 5000, 345, spread)
    class_ids = np.zeros(5000, np.int32)
    expected = plain_nms(boxes, confidences, class_ids, threshold)
    assert run(boxes, confidences, class_ids, threshold) == expected


@settings(deadline=None, max_examples=300)
@given(
    boxes=hnp.arrays(np.float32, st.tuples(st.integers(0, 20), st.just(4)), elements=ANY),
    data=st.data(),
    threshold=st.sampled_from([0.0, 1e-45, 1e-38, 1e-5, 0.5, 1.0]),
)
def test_any_boxes_are_suppressed_exactly(
    boxes: Array, data: st.DataObject, threshold: float
) -> None:
    confidences = data.draw(hnp.arrays(np.float32, len(boxes), elements=ANY))
    class_ids = np.zeros(len(boxes), np.int32)
    expected = plain_nms(boxes, confidences, class_ids, threshold)
    assert run(boxes, confidences, class_ids, threshold) == expected


@settings(deadline=None)
@given(
    st.lists(st.floats(-2, 2, width=32), min_size=8, max_size=8),
    st.integers(-40, 20),
    st.sampled_from([0.0, 0.3, 0.5]),
)
def test_boxes_of_all_magnitudes_are_suppressed_exactly(
    corners: list[float], exponent: int, threshold: float
) -> None:
    boxes = np.array(corners, np.float32).reshape(2, 4)
    many = np.concatenate([boxes * 2.0 ** (exponent / 4 * k) for k in range(-8, 9)])
    boxes = many.astype(np.float32)
    boxes = np.hstack([boxes.min(axis=1)[:, None] * [1, 1], boxes[:, 2:]]).astype("f4")
    confidences = np.linspace(1, 0, len(boxes), dtype=np.float32)
    class_ids = np.zeros(len(boxes), np.int32)
    expected = plain_nms(boxes, confidences, class_ids, threshold)
    assert run(boxes, confidences, class_ids, threshold) == expected


def test_200000_equal_boxes_leave_the_first() -> None:
    boxes = np.tile(np.array([1, 2, 3, 4], np.float32), (200_000, 1))
    confidences = np.full(200_000, 0.5, np.float32)
    assert run(boxes, confidences, np.zeros(200_000, np.int32), 0.5) == [0]


def test_200000_separate_boxes_all_stay() -> None:
    x, y = np.divmod(np.arange(200_000, dtype=np.float32), 500)
    boxes = np.stack([x, y, x + 1, y + 1], axis=1)
    confidences = np.random.default_rng(0).random(200_000, np.float32)
    order = np.argsort(-confidences, kind="stable")
    kept = run(boxes, confidences, np.zeros(200_000, np.int32), 0.5)
    assert kept == order.tolist()


def test_an_iou_equal_to_the_threshold_stays() -> None:
    boxes = np.array([[0, 0, 2, 1], [0, 0, 1, 1]], np.float32)
    confidences = np.array([0.9, 0.8], np.float32)
    class_ids = np.zeros(2, np.int32)
    assert run(boxes, confidences, class_ids, 0.5) == [0, 1]
    assert run(boxes, confidences, class_ids, np.nextafter(0.5, 0)) == [0, 1]
    assert run(boxes, confidences, class_ids, 0.4999) == [0]


def test_no_more_than_the_room_is_kept() -> None:
    boxes, confidences = crowd(2, 100, 50, 0.1)
    class_ids = np.zeros(100, np.int32)
    all_kept = run(boxes, confidences, class_ids, 0.5)
    assert run(boxes, confidences, class_ids, 0.5, room=5) == all_kept[:5]


def test_negative_confidences_and_zeros_of_both_signs_are_in_order() -> None:
    boxes = np.array([[k, 0, k + 1, 1] for k in range(5)], np.float32)
    confidences = np.array([-1.0, -0.0, 0.0, np.inf, -np.inf], np.float32)
    assert run(boxes, confidences, np.zeros(5, np.int32), 0.5) == [3, 1, 2, 0, 4]


def test_a_workspace_and_32_bit_indices_give_the_same() -> None:
    boxes, confidences = crowd(3, 100, 50, 0.1)
    workspace, keep = Workspace(), np.zeros(100, np.int32)
    for _ in range(2):
        count = nms(boxes, confidences, keep, iou_threshold=0.5, workspace=workspace)
        expected = run(boxes, confidences, np.zeros(100, np.int32), 0.5)
        assert keep[:count].tolist() == expected
