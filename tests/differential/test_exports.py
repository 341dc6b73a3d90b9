"""Real files of the exporters, served on photos and read by Model API."""

from pathlib import Path

import numpy as np
import pytest

from tests.differential.detected import agreement
from tests.differential.pictures import SHARED, photos
from tests.differential.readers import served
from tests.differential.reference import Reference

EXPORTS = SHARED / "models" / "otx"

NAMES = sorted(path.name for path in EXPORTS.glob("*") if path.is_dir()) or ["none"]

EDGE = 0.05
"""Scores so near to the threshold do not decide whether a box has a partner."""

STEP = 1.5
"""Pixels: many boxes of these networks are a few pixels wide, and Model API rounds them."""

MANY_TILES = 3_000_000
"""Values of a photo that takes so many tiles that the test would take a minute."""


@pytest.mark.parametrize("name", NAMES)
def test_an_export_is_served_as_model_api_reads_it(name: str) -> None:
    pictures = photos()
    if not pictures or name == "none":
        pytest.skip("../shared/models/otx and ../shared/faces are not here")
    model = _file_in(EXPORTS / name)
    reference = Reference(model)
    if reference.tiled:
        pictures = [picture for picture in pictures if picture.size < MANY_TILES]
    threshold = reference.threshold
    with served(model) as read:
        pairs = [
            (read(picture, threshold - EDGE), reference.detect_exactly(picture, threshold - EDGE))
            for picture in pictures
        ]
    result = agreement(pairs, threshold, STEP)
    assert result.asked >= 20
    assert result.matched >= 0.95, str(result)
    assert np.median(result.pixels) <= 0.7, str(result)
    assert np.median(result.scores) <= 0.01, str(result)


def _file_in(folder: Path) -> Path:
    return next(path for path in folder.iterdir() if path.suffix in (".xml", ".onnx"))
