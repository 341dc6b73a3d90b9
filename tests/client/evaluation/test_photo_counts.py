"""What is right and wrong in each photo, and what changed."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from facewire_client.evaluation.answers import Answer
from facewire_client.evaluation.dataset import Dataset, Photo
from facewire_client.evaluation.evaluation import Evaluation, Settings, evaluate
from facewire_client.evaluation.photo_counts import changes, marks, worst

FACE = (100.0, 100.0, 200.0, 200.0)
BESIDE = (300.0, 100.0, 400.0, 200.0)
FAR = (600.0, 600.0, 700.0, 700.0)


def evaluation(*found: Sequence[tuple[float, ...]]) -> Evaluation:
    """Photos with a face, and beside it an ignored one, in which this was found."""
    photos = [
        Photo(str(place), Path("x"), np.array([FACE, BESIDE]), np.array([False, True]))
        for place in range(len(found))
    ]
    answers = [Answer(np.array(rows, np.float32).reshape(-1, 5), (800, 800)) for rows in found]
    return evaluate(Dataset("dlib", photos), answers, Settings("ap50", 0.5, 0.1))


def test_each_box_is_right_wrong_missed_or_ignored() -> None:
    rows = [(*FACE, 0.9), (*BESIDE, 0.8), (*FAR, 0.7), (*FAR, 0.4)]
    result = evaluation(rows, [])
    found = marks(result.truths[0], result.found[0], 0.5)
    assert found.hits[:, :4].tolist() == [list(FACE)]
    assert found.wrong[:, :4].tolist() == [list(FAR)]
    assert found.ignored.tolist() == [list(BESIDE)]
    assert found.counts == (0, 1)
    assert marks(result.truths[1], result.found[1], 0.5).missed.tolist() == [list(FACE)]


def test_the_worst_photos_come_first_and_good_ones_not() -> None:
    result = evaluation([(*FACE, 0.9)], [(*FACE, 0.9), (*FAR, 0.9)], [(*FAR, 0.9)])
    assert worst(result, 10) == [2, 1]
    assert worst(result, 1) == [2]


def test_photos_that_changed_are_listed_by_how_much() -> None:
    before = evaluation([], [(*FACE, 0.9)], [(*FACE, 0.9)])
    after = evaluation([(*FACE, 0.9)], [(*FACE, 0.8)], [(*FAR, 0.9)])
    found = changes(before, after)
    assert [(each.photo, each.weight) for each in found] == [(2, 2), (0, 1)]
    assert (found[0].missed_before, found[0].missed) == (0, 1)
    assert (found[0].wrong_before, found[0].wrong) == (0, 1)
