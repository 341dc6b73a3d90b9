"""COCO's numbers are those of pycocotools; and small cases by hand."""

from dataclasses import astuple

import numpy as np
import pytest
from hypothesis import assume, given, settings

from facewire_client.evaluation.measures import coco
from facewire_client.evaluation.measures.truth import Truth
from tests.client.evaluation.pycoco import numbers
from tests.client.evaluation.scenes import Scene, scene, seeds

FACE = (100.0, 100.0, 200.0, 200.0)
BESIDE = (300.0, 100.0, 400.0, 200.0)


def equal_to_pycocotools(photos: Scene) -> None:
    result = np.nan_to_num(astuple(coco.evaluate(*photos)), nan=-1.0)
    assert result.tolist() == pytest.approx(numbers(photos), abs=1e-6)


@pytest.mark.parametrize("steps", [0, 3])
@settings(deadline=None, max_examples=25)
@given(seed=seeds)
def test_they_are_those_of_pycocotools(steps: int, seed: int) -> None:
    photos = scene(seed, steps=steps)
    assume(any(len(rows) for rows in photos[1]))  # pycocotools does not take none
    equal_to_pycocotools(photos)


def test_a_photo_of_many_detections_is_that_of_pycocotools() -> None:
    truths, found = scene(7, photos=40)
    everything = Truth.of(np.concatenate([truth.boxes for truth in truths]))
    rows = np.concatenate(found)
    assert len(rows) > coco.MAX_DETECTIONS
    equal_to_pycocotools(([everything], [rows]))


def test_of_equal_overlaps_the_later_face_is_taken_as_by_pycocotools() -> None:
    faces = [(100, 100, 200, 200), (120, 100, 220, 200)]
    between, left = (110, 100, 210, 200, 0.9), (80, 100, 180, 200, 0.8)
    photos = [Truth.of(faces)], [np.array([between, left], np.float64)]
    equal_to_pycocotools(photos)
    assert coco.evaluate(*photos).ap50 == 1.0  # the earlier one is left for the second


def test_a_perfect_result_is_one() -> None:
    result = coco.evaluate([Truth.of([FACE])], [np.array([(*FACE, 0.9)])])
    assert (result.ap, result.ap50, result.large, result.recall) == (1, 1, 1, 1)
    assert np.isnan(result.small)


def test_a_loose_box_counts_up_to_its_overlap() -> None:
    rows = np.array([(100.0, 100.0, 200.0, 162.0, 0.9)])  # IoU 0.62: 0.50, 0.55 and 0.60
    result = coco.evaluate([Truth.of([FACE])], [rows])
    assert result.ap == pytest.approx(0.3)


def test_an_ignored_face_takes_many_detections() -> None:
    truth = Truth.of([FACE, BESIDE], [False, True])
    rows = np.array([(*BESIDE, 0.9), (*BESIDE, 0.8), (*FACE, 0.7)])
    assert coco.evaluate([truth], [rows]).ap50 == 1.0
