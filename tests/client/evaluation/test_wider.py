"""The average precision of WIDER FACE's evaluation: by hand, and by a slow script."""

import math

import numpy as np
import pytest

from facewire_client.evaluation.measures import wider
from facewire_client.evaluation.measures.truth import Truth
from tests.client.evaluation.scenes import scene
from tests.client.evaluation.wider_script import average_precision

FACE = (100.0, 100.0, 200.0, 200.0)
BESIDE = (300.0, 100.0, 400.0, 200.0)
ALL = [np.array([True])]


@pytest.mark.parametrize("seed", range(4))
def test_it_is_that_of_the_slow_script(seed: int) -> None:
    truths, found = scene(seed, photos=5)
    counting = [~truth.ignored for truth in truths]
    expected = average_precision(truths, found, counting)
    assert wider.average_precision(truths, found, counting) == pytest.approx(expected)


def test_a_perfect_result_is_one() -> None:
    assert wider.average_precision([Truth.of([FACE])], [np.array([(*FACE, 0.4)])], ALL) == 1.0


def test_the_last_pixel_belongs_to_a_box() -> None:
    rows = np.array([(0, 0, 2, 1, 0.5)])  # 3 x 2 pixels over 2 x 2: an overlap of 2/3
    assert wider.average_precision([Truth.of([(0, 0, 1, 1)])], [rows], ALL) == 1.0


def test_faces_that_do_not_count_take_detections_without_harm() -> None:
    rows = np.array([(*BESIDE, 0.9), (*BESIDE, 0.8), (*FACE, 0.7)])
    counting = [np.array([True, False])]
    assert wider.average_precision([Truth.of([FACE, BESIDE])], [rows], counting) == 1.0


def test_detections_in_photos_without_faces_are_not_counted() -> None:
    truths = [Truth.of([FACE]), Truth.of([])]
    found = [np.array([(*FACE, 0.5)]), np.array([(*FACE, 0.9)])]
    assert wider.average_precision(truths, found, [*ALL, np.zeros(0, bool)]) == 1.0


def test_the_second_detection_of_a_face_is_wrong() -> None:
    rows = np.array([(*FACE, 0.9), (*FACE, 0.8), (*BESIDE, 0.1)])
    counting = [np.array([True, True])]
    result = wider.average_precision([Truth.of([FACE, BESIDE])], [rows], counting)
    assert result == pytest.approx(0.5 + 0.5 * 2 / 3)


def test_without_faces_there_is_no_number() -> None:
    assert math.isnan(wider.average_precision([Truth.of([])], [np.zeros((0, 5))], [ALL[0][:0]]))


def test_without_detections_it_is_zero() -> None:
    assert wider.average_precision([Truth.of([FACE])], [np.zeros((0, 5))], ALL) == 0.0
