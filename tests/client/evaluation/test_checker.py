"""The accuracy checker's average precision: by hand, and by a slow script of its rules."""

import math

import numpy as np
import pytest
from hypothesis import given, settings

from facewire_client.evaluation.measures import checker
from facewire_client.evaluation.measures.truth import Truth
from tests.client.evaluation.checker_script import average_precision
from tests.client.evaluation.scenes import scene, seeds

FACE = (100.0, 100.0, 200.0, 200.0)
BESIDE = (300.0, 100.0, 400.0, 200.0)


def measured(truth: Truth, *rows: tuple[float, ...]) -> float:
    return checker.outcomes([truth], [np.array(rows).reshape(-1, 5)]).average_precision()


@settings(deadline=None, max_examples=40)
@given(seeds)
def test_it_is_that_of_the_slow_script(seed: int) -> None:
    truths, found = scene(seed)
    expected = average_precision(truths, found)
    result = checker.outcomes(truths, found).average_precision()
    assert math.isnan(result) or result == pytest.approx(expected, abs=1e-12)


@settings(deadline=None, max_examples=40)
@given(seeds)
def test_it_is_that_of_the_slow_script_for_equal_confidences(seed: int) -> None:
    truths, found = scene(seed, steps=4)
    result = checker.outcomes(truths, found).average_precision()
    assert math.isnan(result) or result == pytest.approx(average_precision(truths, found))


def test_a_false_detection_before_the_only_hit_halves_it() -> None:
    assert measured(Truth.of([FACE]), (*BESIDE, 0.9), (*FACE, 0.8)) == 0.5
    assert measured(Truth.of([FACE]), (*FACE, 0.9), (*BESIDE, 0.8)) == 1.0


def test_one_of_two_faces_is_a_half() -> None:
    assert measured(Truth.of([FACE, BESIDE]), (*FACE, 0.9)) == 0.5


def test_the_second_detection_of_a_face_is_wrong() -> None:
    truth = Truth.of([FACE, BESIDE])
    result = measured(truth, (*FACE, 0.9), (*FACE, 0.8), (*BESIDE, 0.7))
    assert result == pytest.approx(0.5 + 0.5 * 2 / 3)


@pytest.mark.parametrize(("height", "counts"), [(63, False), (64, True), (63.6, True)])
def test_faces_count_from_a_rounded_height_of_64(height: float, counts: bool) -> None:
    outcomes = checker.outcomes([Truth.of([(0, 0, 10, height)])], [np.zeros((0, 5))])
    assert int(outcomes.faces.sum()) == counts


def test_a_narrow_face_counts_because_only_the_height_is_looked_at() -> None:
    assert measured(Truth.of([(0, 0, 10, 80)]), (0, 0, 10, 80, 0.9)) == 1.0


def test_a_face_as_high_as_the_limit_is_ignored() -> None:
    assert math.isnan(measured(Truth.of([(0, 0, 500, 2000)])))


def test_any_number_of_detections_in_an_ignored_face_is_not_wrong() -> None:
    truth = Truth.of([FACE, (300, 100, 340, 140)])
    small = (305.0, 105.0, 325.0, 125.0)  # a part of the ignored face, IoU 0.25
    assert measured(truth, (*small, 0.9), (*small, 0.85), (*FACE, 0.8)) == 1.0


def test_a_detection_that_an_ignored_face_covers_by_less_than_half_is_wrong() -> None:
    truth = Truth.of([FACE, (300, 100, 340, 140)])
    assert measured(truth, (300, 100, 340, 200, 0.9), (*FACE, 0.8)) == 0.5


def test_detections_in_a_photo_without_faces_are_wrong() -> None:
    truths = [Truth.of([FACE]), Truth.of([])]
    found = [np.array([(*FACE, 0.8)]), np.array([(*FACE, 0.9)])]
    assert checker.outcomes(truths, found).average_precision() == 0.5


def test_without_the_limits_every_face_counts() -> None:
    outcomes = checker.outcomes([Truth.of([(0, 0, 9, 9)])], [np.zeros((0, 5))], heights=None)
    assert int(outcomes.faces.sum()) == 1
