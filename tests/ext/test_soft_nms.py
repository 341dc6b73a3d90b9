"""soft_nms against a plain implementation of the paper."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from facewire_ext import nms, soft_nms
from tests.ext.reference import iou
from tests.ext.test_nms import crowd

Floats = NDArray[np.float64]


def plain_soft_nms(
    boxes: Floats, scores: Floats, class_ids: NDArray[np.int32], method: str
) -> tuple[list[int], list[float]]:
    """Bodla et al. 2017, figure 2, with the defaults of the extension."""
    scores = scores.copy()
    left = np.ones(len(boxes), bool)
    kept, rescored = [], []
    while left.any():
        best = int(np.argmax(np.where(left, scores, -1)))
        if scores[best] < 0.001:
            break
        kept.append(best)
        rescored.append(float(scores[best]))
        left[best] = False
        overlap = iou(boxes[best], boxes)
        if method == "linear":
            factor = np.where(overlap > np.float32(0.3), 1 - overlap, 1.0)
        else:
            factor = np.exp(-(overlap**2) / 0.5)
        scores *= np.where(class_ids == class_ids[best], factor, 1.0)
    return kept, rescored


@settings(deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    count=st.integers(0, 60),
    method=st.sampled_from(["linear", "gaussian"]),
)
def test_random_boxes_agree_with_the_paper(seed: int, count: int, method: str) -> None:
    boxes, scores = crowd(seed, count, 8, 0.2)
    class_ids = np.random.default_rng(seed).integers(0, 2, count, np.int32)
    keep, rescored = np.zeros(count, np.int64), np.zeros(count, np.float32)
    written = soft_nms(boxes, scores, keep, rescored, method=method, class_ids=class_ids)
    kept, expected = plain_soft_nms(
        boxes.astype(np.float64), scores.astype(np.float64), class_ids, method
    )
    # Scores that differ by rounding may be swapped, so they are compared box by box.
    assert written == len(kept)
    np.testing.assert_allclose(rescored[:written], expected, rtol=1e-4)
    assert len(set(keep[:written].tolist())) == written


def test_the_best_box_keeps_its_confidence_and_its_duplicate_loses_it() -> None:
    boxes = np.array([[0, 0, 4, 4], [0, 0, 4, 4], [9, 9, 10, 10]], np.float32)
    scores = np.array([0.8, 0.9, 0.5], np.float32)
    keep, rescored = np.zeros(3, np.int32), np.zeros(3, np.float32)
    assert soft_nms(boxes, scores, keep, rescored) == 2
    assert keep[:2].tolist() == [1, 2]
    assert soft_nms(boxes, scores, keep, rescored, method="gaussian") == 3
    assert keep.tolist() == [1, 2, 0]
    np.testing.assert_allclose(rescored, [0.9, 0.5, 0.8 * np.exp(-2)], rtol=1e-6)


def test_no_more_than_the_room_is_kept() -> None:
    boxes, scores = crowd(1, 50, 20, 0.2)
    keep, rescored = np.zeros(4, np.int64), np.zeros(4, np.float32)
    assert soft_nms(boxes, scores, keep, rescored) == 4


def test_rows_with_a_nan_are_dropped() -> None:
    boxes = np.array([[0, 0, 4, 4], [np.nan, 0, 4, 4], [0, 0, 4, 4]], np.float32)
    scores = np.array([np.nan, 0.5, 0.5], np.float32)
    keep, rescored = np.zeros(3, np.int64), np.zeros(3, np.float32)
    assert soft_nms(boxes, scores, keep, rescored) == 1
    assert (keep[0], rescored[0]) == (2, 0.5)
    assert nms(boxes, scores, keep, iou_threshold=0.5) == 1
    assert keep[0] == 2


def test_an_unknown_method_is_refused() -> None:
    with pytest.raises(ValueError, match="method"):
        refuse(method="cubic")


@pytest.mark.parametrize("sigma", [0.0, -1.0, np.inf, np.nan])
def test_a_sigma_that_is_not_finite_and_positive_is_refused(sigma: float) -> None:
    with pytest.raises(ValueError, match="sigma"):
        refuse(sigma=sigma)


@pytest.mark.parametrize("threshold", [-0.1, 1.1, np.nan])
def test_a_threshold_outside_its_range_is_refused(threshold: float) -> None:
    with pytest.raises(ValueError, match="iou_threshold"):
        refuse(iou_threshold=threshold)
    with pytest.raises(ValueError, match="min_confidence"):
        refuse(min_confidence=threshold)


def refuse(
    method: str = "linear",
    sigma: float = 0.5,
    iou_threshold: float = 0.3,
    min_confidence: float = 0.001,
) -> None:
    soft_nms(
        np.zeros((0, 4), np.float32),
        np.zeros(0, np.float32),
        np.zeros(0, np.int64),
        np.zeros(0, np.float32),
        method=method,
        sigma=sigma,
        iou_threshold=iou_threshold,
        min_confidence=min_confidence,
    )
