"""What the tests of the extension share: output arrays, placements, comparing."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facewire_ext import Placement
from tests.ext.reference import Detections


def zeros(*shape: int) -> NDArray[np.float32]:
    return np.zeros(shape, np.float32)


def misaligned(*shape: int) -> NDArray[np.float32]:
    """Zeros at an odd address."""
    size = 4 * int(np.prod(shape))
    return np.frombuffer(bytearray(size + 1), np.float32, offset=1).reshape(shape)


@dataclass
class Outputs:
    """The caller's arrays, filled with what must not come out again."""

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


def stretch(
    input_side: int, image_width: int, image_height: int, orientation: int = 1
) -> Placement:
    """A plain stretch of an image into a square input."""
    stored = (image_width, image_height)
    if orientation >= 5:
        stored = stored[::-1]
    return Placement(
        input_side,
        input_side,
        image_width,
        image_height,
        input_side / stored[0],
        input_side / stored[1],
        0.0,
        0.0,
        orientation=orientation,
    )


def unchanged(side: int) -> Placement:
    """An image that is the input itself."""
    return Placement(side, side, side, side, 1.0, 1.0, 0.0, 0.0)


def assert_sound(outputs: Outputs, count: int, placement: Placement) -> None:
    """What holds whatever the network wrote."""
    boxes, scores = outputs.boxes[:count], outputs.confidences[:count]
    assert (boxes >= 0).all()
    assert (boxes <= [placement.image_width, placement.image_height] * 2).all()
    assert (boxes[:, :2] < boxes[:, 2:]).all()
    assert (scores[1:] <= scores[:-1]).all()  # infinite ones too
    assert not np.isnan(scores).any()
    outputs.assert_untouched_after(count)


def assert_same(outputs: Outputs, count: int, expected: Detections) -> None:
    """Agreement to 1e-4; no decision may have been too close to call."""
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
