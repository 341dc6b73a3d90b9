"""All numbers of a data set together, as a program calls them with arrays."""

import math
from pathlib import Path

import numpy as np
import pytest

from facewire_client.evaluation.answers import Answer, refused
from facewire_client.evaluation.comparison import compare
from facewire_client.evaluation.dataset import Dataset, Photo
from facewire_client.evaluation.evaluation import METRICS, Settings, default_metric, evaluate

FACE = (100.0, 100.0, 200.0, 200.0)
SMALL = (300.0, 100.0, 340.0, 140.0)
BOXES = np.array([FACE, SMALL])


def photo(name: str, **levels: list[bool]) -> Photo:
    flags = {level: np.array(flags) for level, flags in levels.items()}
    return Photo(name, Path(name), BOXES, np.zeros(2, bool), levels=flags)


def answer(*rows: tuple[float, ...]) -> Answer:
    return Answer(np.array(rows, np.float32).reshape(-1, 5), (800, 800))


def test_every_number_of_a_photo() -> None:
    dataset = Dataset("wider", [photo("a", easy=[True, False], hard=[True, True])])
    result = evaluate(dataset, [answer((*FACE, 0.9))], Settings("large", 0.5, 0.1))
    assert result.headline == result.average_precision["large"] == 1.0
    assert result.all_sizes == 0.5
    assert result.average_precision["ap50"] == pytest.approx(51 / 101)
    assert result.levels == {"easy": 1.0, "hard": 0.5}


def test_a_refused_photo_counts_as_one_in_which_nothing_was_found() -> None:
    dataset = Dataset("dlib", [photo("a"), photo("b")])
    answers = [answer((*FACE, 0.9)), refused("it is broken")]
    result = evaluate(dataset, answers, Settings("large", 0.5, 0.1))
    assert result.headline == 0.5


def test_relative_boxes_take_the_size_of_the_answer() -> None:
    relative = Photo("a", Path("a"), BOXES / 800, np.zeros(2, bool), relative=True)
    answers = [answer((*FACE, 0.9), (*SMALL, 0.8))]
    result = evaluate(Dataset("yolo", [relative]), answers, Settings("coco", 0.5, 0.1))
    assert result.headline == pytest.approx(1.0)


@pytest.mark.parametrize("metric", METRICS)
def test_the_headline_is_the_weighted_one_of_each_photo_once(metric: str) -> None:
    dataset = Dataset("dlib", [photo("a"), photo("b")])
    answers = [answer((*FACE, 0.9)), answer((600, 600, 700, 700, 0.95))]
    result = evaluate(dataset, answers, Settings(metric, 0.5, 0.1))
    weighted = result.weighted()
    assert weighted(np.array([1, 1])) == result.headline
    assert weighted(np.array([1, 0])) > result.headline


def test_without_faces_or_detections_the_document_has_no_numbers() -> None:
    empty = Photo("a", Path("a"), np.zeros((0, 4)), np.zeros(0, bool))
    settings = Settings(default_metric("coco"), 0.5, 0.1)
    result = evaluate(Dataset("coco", [empty]), [answer()], settings)
    assert math.isnan(result.headline)
    document = result.document()
    assert math.isnan(document["ap"])
    assert document["best_threshold"] is None
    assert math.isnan(compare({}, 0, result, result).difference.low)
