"""Generated models, read by us and by Model API: the same boxes, scores and labels."""

from pathlib import Path

import numpy as np
import pytest

from tests.differential.detected import Agreement, agreement
from tests.differential.families import toys
from tests.differential.pictures import drawn
from tests.differential.readers import load, read
from tests.differential.reference import Reference
from tests.differential.toy import Toy

EDGE = 0.02
"""Scores so near to the threshold do not decide whether a box has a partner."""

STEP = 1.0
"""Pixels: at the edge of a picture boxes are clipped to slivers, and Model API rounds them."""

TOYS = dict(toys())

MISREADINGS = {
    "channels": 'reverse_input_channels = "False"',
    "mean": "mean_values = [120.0, 120.0, 120.0]",
    "scale": "scale_values = [60.0, 60.0, 60.0]",
    "resize": 'resize_type = "fit_to_window"',
    "padding": "pad_value = 0",
    "suppression": 'nms_execute = "False"',
    "the overlap": "iou_threshold = 0.95",
}
"""Settings in a sidecar that change what TRIED is."""

TRIED = Toy(
    normalisation="imagenet",
    metadata={
        "confidence_threshold": "0.35",
        "iou_threshold": "0.5",
        "nms_execute": "YES",
        "pad_value": "114",
        "resize_type": "fit_to_window_letterbox",
        "reverse_input_channels": "YES",
    },
)


@pytest.mark.parametrize("name", TOYS)
def test_a_model_is_read_as_model_api_reads_it(name: str, tmp_path: Path) -> None:
    model = TOYS[name].write(tmp_path / "toy.xml")
    _assert_same(model, Reference(model))


@pytest.mark.parametrize("name", [name for name in TOYS if not name.startswith("getitune")])
def test_a_model_that_model_api_has_saved_is_read_as_it_reads_it(name: str, tmp_path: Path) -> None:
    model = TOYS[name].write(tmp_path / "toy.xml")
    saved = Reference(model).save(tmp_path / "saved.xml")
    _assert_same(saved, Reference(saved))


@pytest.mark.parametrize("misreading", MISREADINGS)
def test_the_comparison_sees_a_wrong_reading(misreading: str, tmp_path: Path) -> None:
    model = TRIED.write(tmp_path / "toy.xml")
    reference = Reference(model)
    assert _is_same(_compare(model, reference))
    model.with_suffix(".toml").write_text(MISREADINGS[misreading])
    assert not _is_same(_compare(model, reference))


def _assert_same(model: Path, reference: Reference) -> None:
    description = load(model).description
    assert description.min_confidence == pytest.approx(reference.threshold)
    names = [label.replace(" ", "_") for label in description.labels]
    assert names == reference.model.params.labels
    result = _compare(model, reference)
    assert result.asked >= 100
    assert _is_same(result), str(result)


def _compare(model: Path, reference: Reference) -> Agreement:
    detector, threshold = load(model), reference.threshold
    pairs = [
        (
            read(detector, picture, threshold - EDGE),
            reference.detect_exactly(picture, threshold - EDGE),
        )
        for picture in drawn()
    ]
    return agreement(pairs, threshold, STEP)


def _is_same(result: Agreement) -> bool:
    return bool(
        result.matched >= 0.95 and np.median(result.pixels) <= 0.7 and result.scores.max() <= 0.01
    )
