"""When two readings of one image count as the same."""

import numpy as np
import pytest

from facewire_server.inference.agreement import Agreement
from facewire_server.inference.heads.base import Found

BOXES = np.array([[0, 0, 100, 100], [0, 0, 100, 100], [200, 50, 260, 90]], np.float32)
CONFIDENCES = np.array([0.9, 0.5, 0.3], np.float32)


def found(boxes: object = BOXES, confidences: object = CONFIDENCES, class_id: int = 0) -> Found:
    values = np.asarray(confidences, np.float32)
    classes = np.full(len(values), class_id, np.int32)
    return Found(np.asarray(boxes, np.float32), values, classes)


def test_a_reading_agrees_with_itself_in_any_order() -> None:
    agreement = Agreement.between(found(), found(BOXES[::-1], CONFIDENCES[::-1]))
    assert agreement.holds
    assert (agreement.iou, agreement.confidence_error) == (1, 0)


@pytest.mark.parametrize(
    "other",
    [
        found(BOXES[:2], CONFIDENCES[:2]),
        found(BOXES + [0, 0, 2, 0]),
        found(confidences=CONFIDENCES + np.float32(2e-3)),
        found(BOXES[:0], CONFIDENCES[:0]),
        found(class_id=1),
    ],
    ids=["a box less", "a wider box", "more confident", "nothing", "another class"],
)
def test_readings_that_differ_do_not_agree(other: Found) -> None:
    assert not Agreement.between(found(), other).holds


def test_two_empty_readings_agree() -> None:
    empty = found(BOXES[:0], CONFIDENCES[:0])
    assert Agreement.between(empty, empty).holds
