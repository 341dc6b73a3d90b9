"""The fuzz targets: their seeds pass, and broken rules are noticed."""

import numpy as np
import pytest

from facewire_server.image.picture import Picture, PixelLayout
from tests.ext.arrays import Outputs
from tests.fuzz.image_target import LIMITS
from tests.fuzz.targets import TARGETS
from tests.server.image.samples import error_reason

DECODE = "facewire_server.image.decode.decode"


@pytest.mark.parametrize("name", TARGETS)
def test_all_seeds_pass(name: str) -> None:
    target = TARGETS[name]
    inputs = target.seeds()
    assert len(inputs) == len(set(inputs)) >= 10
    for data in inputs:
        target.try_input(data)
        target.try_input(data[: len(data) // 2])


def test_most_seeds_of_images_decode() -> None:
    inputs = TARGETS["image"].seeds()
    decoded = [data for data in inputs if error_reason(data, LIMITS) is None]
    assert len(decoded) > len(inputs) * 2 // 3


@pytest.mark.parametrize("name", ["image", "request"])
def test_a_picture_over_the_limit_is_noticed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    large = Picture(np.zeros((1500, 1500), np.uint8), PixelLayout.GRAY)
    monkeypatch.setattr("tests.fuzz.image_target.decode", lambda *_, **__: large)
    monkeypatch.setattr(DECODE, lambda *_, **__: large)
    target = TARGETS[name]
    with pytest.raises(AssertionError):
        target.try_input(target.seeds()[-1])


def test_an_unforeseen_error_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> Picture:
        raise KeyError("unforeseen")

    monkeypatch.setattr(DECODE, fail)
    target = TARGETS["request"]
    with pytest.raises(KeyError):
        target.try_input(target.seeds()[-1])


def test_detections_out_of_order_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def disorder(_: object, outputs: Outputs) -> int:
        outputs.boxes[:2] = [0, 0, 1, 1]
        outputs.confidences[:2] = [0.1, 0.2]
        return 2

    target = TARGETS["extension"]
    data = target.seeds()[0]
    target.try_input(data)
    monkeypatch.setattr("tests.fuzz.extension_target.HEADS", (disorder,))
    with pytest.raises(AssertionError):
        target.try_input(data)
