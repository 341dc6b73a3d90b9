"""Placement and rescale: letterbox, stretch, clipping."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from facewire_ext import Placement, rescale
from tests.ext.arrays import stretch, unchanged
from tests.ext.reference import to_image


def test_the_attributes_are_the_arguments() -> None:
    placement = Placement(640, 480, 1000, 800, 0.5, 0.25, 3.5, 4.5)
    assert (placement.input_width, placement.input_height) == (640, 480)
    assert (placement.image_width, placement.image_height) == (1000, 800)
    assert (placement.scale_x, placement.scale_y) == (0.5, 0.25)
    assert (placement.offset_x, placement.offset_y) == (3.5, 4.5)
    assert repr(placement) == ("Placement(640, 480, 1000, 800, 0.5, 0.25, 3.5, 4.5)")


def test_the_attributes_cannot_be_set() -> None:
    with pytest.raises(AttributeError):
        object.__setattr__(unchanged(8), "scale_x", 2.0)


@pytest.mark.parametrize("position", range(4))
def test_a_side_of_zero_is_refused(position: int) -> None:
    sides = [8, 8, 8, 8]
    sides[position] = 0
    with pytest.raises(ValueError, match="at least 1 pixel"):
        Placement(sides[0], sides[1], sides[2], sides[3], 1.0, 1.0, 0.0, 0.0)


@pytest.mark.parametrize("scale", [0.0, -1.0, np.nan, np.inf, 5e-324])
def test_a_scale_that_is_not_finite_and_positive_is_refused(scale: float) -> None:
    with pytest.raises(ValueError, match="scales"):
        Placement(8, 8, 8, 8, scale, 1.0, 0.0, 0.0)
    with pytest.raises(ValueError, match="scales"):
        Placement(8, 8, 8, 8, 1.0, scale, 0.0, 0.0)


@pytest.mark.parametrize("offset", [np.nan, -np.inf])
def test_an_offset_that_is_not_finite_is_refused(offset: float) -> None:
    with pytest.raises(ValueError, match="offsets"):
        Placement(8, 8, 8, 8, 1.0, 1.0, offset, 0.0)
    with pytest.raises(ValueError, match="offsets"):
        Placement(8, 8, 8, 8, 1.0, 1.0, 0.0, offset)


def test_a_letterbox_is_undone() -> None:
    placement = Placement(640, 640, 1000, 500, 0.64, 0.64, 0.0, 160.0)
    boxes = np.array([[64, 224, 128, 288], [-50, 0, 900, 640]], np.float32)
    rescale(boxes, boxes, placement=placement)
    expected = [[100, 100, 200, 200], [0, 0, 1000, 500]]
    np.testing.assert_allclose(boxes, expected, rtol=1e-6)


@given(hnp.arrays(np.float32, (5, 4), elements=st.floats(-700, 700, width=32)))
def test_random_boxes_agree_with_the_reference(boxes: NDArray[np.float32]) -> None:
    boxes = np.sort(boxes.reshape(-1, 2, 2), axis=1).reshape(-1, 4)
    placement = stretch(64, 300, 200)
    out = np.empty_like(boxes)
    rescale(boxes, out, placement=placement)
    low = np.clip(to_image(boxes[:, :2].astype(np.float64), placement), 0, [300, 200])
    high = np.clip(to_image(boxes[:, 2:].astype(np.float64), placement), 0, [300, 200])
    # Where nothing is left, four zeros.
    expected = np.hstack([low, high]) * (high > low).all(axis=1, keepdims=True)
    # A box narrower than the rounding may be clipped to nothing.
    kept = (high - low).min(axis=1) > 1e-3
    np.testing.assert_allclose(out[kept], expected[kept], rtol=1e-5, atol=1e-3)
    assert (np.ptp(out[~kept].reshape(-1, 2, 2), axis=1).min(axis=1) < 2e-3).all()


def test_a_box_with_a_nan_or_swapped_corners_becomes_zeros() -> None:
    boxes = np.array([[1, 2, np.nan, 4], [3, 3, 1, 5]], np.float32)
    rescale(boxes, boxes, placement=unchanged(8))
    assert not boxes.any()


def test_infinite_corners_are_clipped() -> None:
    boxes = np.array([[-np.inf, 2, np.inf, 4]], np.float32)
    rescale(boxes, boxes, placement=unchanged(8))
    assert boxes.tolist() == [[0, 2, 8, 4]]
