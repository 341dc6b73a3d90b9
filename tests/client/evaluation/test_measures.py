"""Properties of all measures."""

import math
from collections.abc import Callable
from dataclasses import astuple

import numpy as np
import pytest
from hypothesis import given, settings

from facewire_client.evaluation.measures import bootstrap, checker, coco, operation, wider
from facewire_client.evaluation.measures.truth import Truth
from tests.client.evaluation.scenes import Scene, scene, seeds

Numbers = tuple[float, ...]


def by_coco(photos: Scene) -> Numbers:
    return astuple(coco.evaluate(*photos))


def by_checker(photos: Scene) -> Numbers:
    outcomes = checker.outcomes(*photos)
    return (outcomes.average_precision(), outcomes.recall())


def by_wider(photos: Scene) -> Numbers:
    return (wider.average_precision(*photos, [~truth.ignored for truth in photos[0]]),)


def in_operation(photos: Scene) -> Numbers:
    outcomes = coco.outcomes(*photos, thresholds=np.array([0.5]), most=None)[0]
    points = [operation.at(outcomes, threshold) for threshold in (0.2, 0.5, 0.8)]
    best = operation.best_for(outcomes, 0.5)
    sizes = operation.sizes(*photos, 0.5)
    rows = [*map(astuple, points), *map(astuple, sizes), astuple(best) if best else ()]
    return tuple(math.nan if value is None else value for row in rows for value in row)


MEASURES = [by_coco, by_checker, by_wider, in_operation]
every_measure = pytest.mark.parametrize("measure", MEASURES, ids=lambda each: each.__name__)


@every_measure
@settings(deadline=None, max_examples=20)
@given(seed=seeds)
def test_the_order_of_photos_changes_nothing(
    measure: Callable[[Scene], Numbers], seed: int
) -> None:
    truths, found = scene(seed)
    order = np.random.default_rng(seed).permutation(len(truths))
    shuffled = [truths[place] for place in order], [found[place] for place in order]
    assert measure(shuffled) == pytest.approx(measure((truths, found)), nan_ok=True)


@every_measure
@settings(deadline=None, max_examples=20)
@given(seed=seeds)
def test_the_order_of_detections_changes_nothing(
    measure: Callable[[Scene], Numbers], seed: int
) -> None:
    truths, found = scene(seed)
    reverse = [rows[::-1] for rows in found]
    assert measure((truths, reverse)) == pytest.approx(measure((truths, found)), nan_ok=True)


@settings(deadline=None, max_examples=25)
@given(seed=seeds)
def test_where_confidences_are_equal_thresholds_do_not_depend_on_the_order(seed: int) -> None:
    truths, found = scene(seed, steps=3)
    backwards = truths[::-1], found[::-1]
    assert in_operation(backwards) == pytest.approx(in_operation((truths, found)), nan_ok=True)


@settings(deadline=None, max_examples=25)
@given(seed=seeds)
def test_a_true_detection_more_never_lowers_recall(seed: int) -> None:
    truths, found = scene(seed, ignored=0)
    before = (by_coco((truths, found))[-1], by_checker((truths, found))[1])
    for place, truth in enumerate(truths):
        for box in truth.boxes:
            added = np.array([*box, 0.01 + 0.001 * place])
            found = [*found[:place], np.vstack([found[place], added]), *found[place + 1 :]]
    after = (by_coco((truths, found))[-1], by_checker((truths, found))[1])
    for low, high in zip(before, after, strict=True):
        assert math.isnan(low) or high >= low


@settings(deadline=None, max_examples=20)
@given(seed=seeds)
def test_weights_count_photos_as_often(seed: int) -> None:
    truths, found = scene(seed)
    outcomes = checker.outcomes(truths, found)
    twice = checker.outcomes([*truths, truths[0]], [*found, found[0]])
    weights = np.ones(len(truths), np.int64)
    weights[0] = 2
    # Equal detections share a step of the curve then, so only the recall is compared exactly.
    assert outcomes.average_precision(weights) == pytest.approx(
        twice.average_precision(), abs=0.05, nan_ok=True
    )


def test_a_difference_of_equal_results_is_zero() -> None:
    outcomes = checker.outcomes(*scene(3, photos=30))
    result = bootstrap.difference(
        outcomes.average_precision, outcomes.average_precision, 30, rounds=50
    )
    assert (result.value, result.low, result.high) == (0, 0, 0)


def test_a_difference_is_the_same_each_time_and_lies_in_its_interval() -> None:
    truths, found = scene(3, photos=60)
    full = checker.outcomes(truths, found)
    part = checker.outcomes(truths, [rows[::2] for rows in found])
    results = [
        bootstrap.difference(part.average_precision, full.average_precision, 60, rounds=100)
        for _ in range(2)
    ]
    assert results[0] == results[1]
    assert results[0].low < results[0].value < results[0].high
    assert results[0].low > 0


FACE = (100.0, 100.0, 200.0, 200.0)
BESIDE = (300.0, 100.0, 400.0, 140.0)


def test_what_a_threshold_keeps_is_counted() -> None:
    truths = [Truth.of([FACE, BESIDE]), Truth.of([])]
    rows = np.array([(*FACE, 0.9), (0, 0, 20, 20, 0.6), (*BESIDE, 0.5)])
    photos = truths, [rows, np.array([(5.0, 5.0, 50.0, 50.0, 0.4)])]
    outcomes = coco.outcomes(*photos, thresholds=np.array([0.5]), most=None)[0]
    assert operation.at(outcomes, 0.6) == operation.Point(0.6, 0.5, 0.5, 0.5)
    assert operation.at(outcomes, 0.5) == operation.Point(0.5, 2 / 3, 1.0, 0.5)
    best = operation.best_for(outcomes, 0.5)
    assert best == operation.Point(0.5, 2 / 3, 1.0, 0.5)
    assert operation.best_for(outcomes, 0.0) == operation.Point(0.9, 1.0, 0.5, 0.0)
    by_height = {row.low: row for row in operation.sizes(*photos, 0.6)}
    assert (by_height[64].faces, by_height[64].recall) == (1, 1.0)
    assert (by_height[32].recall, by_height[32].reachable) == (0.0, 1.0)


def test_no_threshold_parts_detections_of_the_same_confidence() -> None:
    rows = np.array([(*FACE, 0.9), (*BESIDE, 0.9)])
    outcomes = coco.outcomes([Truth.of([FACE])], [rows], thresholds=np.array([0.5]))[0]
    assert operation.best_for(outcomes, 0.5) is None
    assert operation.best_for(outcomes, 1.0) == operation.Point(0.9, 0.5, 1.0, 1.0)


def test_no_threshold_is_best_when_the_surest_detection_is_wrong() -> None:
    outcomes = coco.outcomes(
        [Truth.of([FACE])], [np.array([(*BESIDE, 0.9)])], thresholds=np.array([0.5])
    )[0]
    assert operation.best_for(outcomes, 0.5) is None


def test_calibration_compares_confidence_with_correctness() -> None:
    rows = np.array([(*FACE, 0.85), (*BESIDE, 0.75), (0, 0, 9, 9, 0.25)])
    outcomes = coco.outcomes([Truth.of([FACE])], [rows], thresholds=np.array([0.5]))[0]
    bins, error = operation.calibration(outcomes)
    assert [each.detections for each in bins] == [0, 0, 1, 0, 0, 0, 0, 1, 1, 0]
    assert bins[8].correct == 1.0
    assert error == pytest.approx((0.15 + 0.75 + 0.25) / 3)
