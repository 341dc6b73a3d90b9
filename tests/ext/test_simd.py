"""The SIMD levels: all give the same bits, and one can be chosen."""

import os
import subprocess
import sys
from collections.abc import Iterator

import numpy as np
import pytest

from facewire_ext import nms, simd_level, simd_levels, use_simd_level
from tests.ext.arrays import stretch
from tests.ext.reference import Choice
from tests.ext.reference_heads import AtssHead
from tests.ext.test_anchors import random_levels as anchor_levels
from tests.ext.test_anchors import retinaface, scrfd
from tests.ext.test_anchors import run as run_anchors
from tests.ext.test_atss import random_levels as atss_levels
from tests.ext.test_atss import run as run_atss
from tests.ext.test_nms import crowd
from tests.ext.test_yolo import VERSIONS, random_table
from tests.ext.test_yolo import run as run_yolo
from tests.ext.test_yolo_levels import random_levels as logit_levels
from tests.ext.test_yolo_levels import run as run_yolo_levels
from tests.ext.test_yunet import random_levels as yunet_levels
from tests.ext.test_yunet import run as run_yunet

CHOICES = [Choice(0.02, 0.5), Choice(0.3, 0.0, 20), Choice(0.0, 0.7, room=3000)]


@pytest.fixture(params=simd_levels())
def level(request: pytest.FixtureRequest) -> Iterator[str]:
    before = simd_level()
    use_simd_level(request.param)
    yield request.param
    use_simd_level(before)


def atss_bytes(seed: int, choice: Choice) -> bytes:
    head = AtssHead((4, 8, 16), score_fusion=("product", "geometric_mean")[seed % 2])
    levels = atss_levels(seed, head.strides, 152, 2, 0.1)
    levels[0][0].flat[seed::97] = [np.nan, np.inf, -np.inf][seed % 3]
    levels[1][1].flat[seed::31] = [np.nan, np.inf, -np.inf][seed % 3]
    outputs, count = run_atss(head, levels, stretch(152, 99, 77), choice)
    return b"".join(array[:count].tobytes() for array in outputs.arrays)


def yunet_bytes(seed: int, choice: Choice) -> bytes:
    levels = yunet_levels(seed, 160, 160, 0.2)
    levels[0][3].flat[seed::501] = [np.nan, np.inf, -np.inf][seed % 3]
    outputs, count = run_yunet(levels, stretch(160, 99, 77), choice)
    arrays = (*outputs.arrays, outputs.landmarks)
    return b"".join(array[:count].tobytes() for array in arrays)


def anchor_bytes(seed: int, choice: Choice) -> bytes:
    head = (scrfd(160, 96), retinaface(160, 96))[seed % 2]
    levels = anchor_levels(head, seed, 0.1)
    outputs, count = run_anchors(head, levels, stretch(160, 99, 77), choice)
    return b"".join(array[:count].tobytes() for array in (*outputs.arrays, outputs.landmarks))


def yolo_bytes(seed: int, choice: Choice) -> bytes:
    columns = VERSIONS["v8, two values, classes"]
    table = random_table(columns, seed, 500, 0.1, 160)
    outputs, count = run_yolo(table, columns, stretch(160, 99, 77), choice, transposed=True)
    return b"".join(array[:count].tobytes() for array in (*outputs.arrays, outputs.landmarks))


def yolo_level_bytes(seed: int, choice: Choice) -> bytes:
    levels = logit_levels(seed, 160, 96, 0.1, classes=2)
    outputs, count = run_yolo_levels(levels, stretch(160, 99, 77), choice, classes=2)
    return b"".join(array[:count].tobytes() for array in (*outputs.arrays, outputs.landmarks))


def all_bytes(choice: Choice) -> list[bytes]:
    heads = (atss_bytes, yunet_bytes, anchor_bytes, yolo_bytes, yolo_level_bytes)
    return [head(seed, choice) for seed in range(6) for head in heads]


@pytest.mark.parametrize("choice", CHOICES)
def test_every_simd_level_gives_the_same_bits(level: str, choice: Choice) -> None:
    results = all_bytes(choice)
    use_simd_level("portable")
    assert results == all_bytes(choice)
    assert all(results)


@pytest.mark.parametrize("count", [1, 15, 16, 17, 64, 65, 200, 3000])
def test_every_simd_level_suppresses_the_same_boxes(level: str, count: int) -> None:
    boxes, confidences = crowd(count, count, count, 1.0)
    keep, plain = np.full((2, count), -1)
    written = nms(boxes, confidences, keep, iou_threshold=0.3)
    use_simd_level("portable")
    assert written == nms(boxes, confidences, plain, iou_threshold=0.3)
    np.testing.assert_array_equal(keep, plain)


def test_the_best_simd_level_is_in_use() -> None:
    chosen = os.environ.get("FACEWIRE_EXT_SIMD") or simd_levels()[-1]
    assert simd_level() == chosen
    assert simd_levels()[0] == "portable"


def test_an_unknown_simd_level_is_refused() -> None:
    with pytest.raises(ValueError, match="SIMD level must be one of"):
        use_simd_level("abacus")


def test_the_environment_selects_the_simd_level() -> None:
    program = "import facewire_ext; print(facewire_ext.simd_level())"
    environment = {**os.environ, "FACEWIRE_EXT_SIMD": "portable"}
    printed = subprocess.run(
        [sys.executable, "-c", program],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    assert printed.stdout.strip() == "portable"
