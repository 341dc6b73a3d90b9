"""Photos for calibration: which, how many, and what is said of broken ones."""

from pathlib import Path

import numpy as np
import pytest

from facewire_server.image.limits import ImageLimits
from facewire_server.inference.calibration import Calibration
from facewire_server.inference.network_input import NetworkInput
from facewire_server.models.source import Source
from tests.server.image.samples import smooth


@pytest.fixture(scope="module")
def network_input() -> NetworkInput:
    return NetworkInput(Source.find("face-detection-nano"), ImageLimits(10_000))


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    import cv2

    paths = [tmp_path / f"{number}.png" for number in range(6)]
    for number, path in enumerate(paths):
        cv2.imwrite(str(path), smooth() // (number + 1))
    return paths


def test_all_photos_are_used_where_there_are_few(
    network_input: NetworkInput, photos: list[Path]
) -> None:
    calibration = Calibration(network_input, photos, 10)
    first, again = (list(calibration) for _ in range(2))
    assert len(first) == len(again) == calibration.used == 6
    assert all(map(np.array_equal, first, again))


def test_no_more_than_the_most_are_used_and_not_only_the_first(
    network_input: NetworkInput, photos: list[Path]
) -> None:
    calibration = Calibration(network_input, photos, 3)
    used = list(calibration)
    assert len(used) == calibration.used == 3
    assert not all(map(np.array_equal, used, Calibration(network_input, photos[:3], 3)))


def test_broken_and_missing_photos_are_told_and_replaced(
    network_input: NetworkInput, photos: list[Path]
) -> None:
    photos[0].write_bytes(b"words")
    photos[1].unlink()
    calibration = Calibration(network_input, photos, 6)
    assert len(list(calibration)) == calibration.used == 4
    assert set(calibration.broken) == set(photos[:2])
    assert calibration.broken[photos[1]] == "No such file or directory"
