"""Shared by the tests of the extension: output arrays, placements, comparisons."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facewire_ext import Placement
from tests.ext.reference import Detections


def zeros(*shape: int) -> NDArray[np.float32]:
    return np.zeros(shape, np.float32)


def misaligned(*shape: int) -> NDArray[np.float32]:
    """Zeros at a misaligned address."""
    size = 4 * int(np.prod(shape))
    return np.frombuffer(bytearray(size + 1), np.float32, offset=1).reshape(shape)


@dataclass
class Outputs:
    """The caller's arrays, filled with values that a decoder never writes."""

    boxes: NDArray[np.float32]
    confidences: NDArray[np.float32]
    class_ids: NDArray[np.int32]
    landmarks: NDArray[np.float32]

    @classmethod
    def of(cls, room: int) -> "Outputs":
        return cls(
            np.full((room, 4), np.nan, np.float32),
            np.full(room, np.nan, np.float32),
            np.full(room, -7, np.int32),
            np.full((room, 10), np.nan, np.float32),
        )

    @property
    def arrays(
        self,
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int32]]:
        return self.boxes, self.confidences, self.class_ids

    def assert_untouched_after(self, count: int) -> None:
        assert np.isnan(self.boxes[count:]).all()
        assert np.isnan(self.confidences[count:]).all()
        assert (self.class_ids[count:] == -7).all()
        assert np.isnan(self.landmarks[count:]).all()


def stretch(input_side: int, image_width: int, image_height: int) -> Placement:
    """A plain stretch of an image into a square input."""
    return Placement(
        input_side,
        input_side,
        image_width,
        image_height,
        input_side / image_width,
        input_side / image_height,
        0.0,
        0.0,
    )


def unchanged(side: int) -> Placement:
    """A placement of an image that has the size of the input."""
    return Placement(side, side, side, side, 1.0, 1.0, 0.0, 0.0)


def assert_sound(outputs: Outputs, count: int, placement: Placement) -> None:
    """Assert what holds whatever the network's outputs are."""
    boxes, scores = outputs.boxes[:count], outputs.confidences[:count]
    assert (boxes >= 0).all()
    assert (boxes <= [placement.image_width, placement.image_height] * 2).all()
    assert (boxes[:, :2] < boxes[:, 2:]).all()
    assert (scores[1:] <= scores[:-1]).all()  # infinite ones too
    assert not np.isnan(scores).any()
    outputs.assert_untouched_after(count)


def assert_same(outputs: Outputs, count: int, expected: Detections) -> None:
    """Assert agreement to 1e-4; no decision of the reference may be too close to call."""
    assert expected.margin > 1
    assert count == len(expected.boxes)
    np.testing.assert_allclose(
        outputs.confidences[:count], expected.confidences, rtol=1e-5, atol=1e-6
    )
    np.testing.assert_array_equal(outputs.class_ids[:count], expected.class_ids)
    np.testing.assert_allclose(outputs.boxes[:count], expected.boxes, rtol=1e-4, atol=1e-4)
    if expected.landmarks is not None:
        np.testing.assert_allclose(
            outputs.landmarks[:count], expected.landmarks, rtol=1e-4, atol=1e-3
        )
