"""Inputs that binding levels and reading rows accept or refuse."""

import gc
import subprocess
import sys
import weakref
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from facewire_ext import (
    AtssLevels,
    Workspace,
    YunetLevels,
    decode_boxes_labels,
    decode_boxes_scores,
    decode_ssd,
)
from tests.ext.arrays import Outputs, misaligned, unchanged, zeros

ATSS = (zeros(1, 2, 3), zeros(4, 2, 3), zeros(1, 2, 3))
YUNET = (zeros(6, 1), zeros(6, 1), zeros(6, 4), zeros(6, 10))

BAD_ATSS = [
    (0, zeros(2, 3), "class logits must be of shape"),
    (0, np.zeros((1, 2, 3)), "class logits must be float32"),
    (0, zeros(2, 1, 2, 3), "class logits must be of shape"),
    (0, zeros(1, 3, 2).transpose(0, 2, 1), "class logits must be C-contiguous"),
    (0, misaligned(1, 2, 3), "class logits must be aligned"),
    (1, zeros(1, 5, 2, 3), "deltas must be of shape"),
    (1, zeros(4, 3, 2), "deltas must be of shape"),
    (2, zeros(2, 2, 3), "centerness must be of shape"),
]
BAD_YUNET = [
    (0, zeros(6), "class must be of shape"),
    (1, zeros(5, 1), "object must be of shape"),
    (2, zeros(6, 5), "boxes must be of shape"),
    (3, zeros(2, 6, 10), "landmarks must be of shape"),
]


@pytest.mark.parametrize(("part", "array", "message"), BAD_ATSS)
def test_an_atss_level_that_does_not_fit_is_refused(
    part: int, array: NDArray[np.generic], message: str
) -> None:
    parts: list[NDArray[np.generic]] = [*ATSS]
    parts[part] = array
    logits, deltas, centerness = parts
    with pytest.raises(ValueError, match=message):
        AtssLevels([(logits, deltas, centerness)], strides=[8], octave_base_scale=8)


@pytest.mark.parametrize(("part", "array", "message"), BAD_YUNET)
def test_a_yunet_level_that_does_not_fit_is_refused(
    part: int, array: NDArray[np.generic], message: str
) -> None:
    parts: list[NDArray[np.generic]] = [*YUNET]
    parts[part] = array
    scores, objects, boxes, points = parts
    with pytest.raises(ValueError, match=message):
        YunetLevels(
            [(scores, objects, boxes, points)],
            strides=[8],
            input_width=24,
            input_height=16,
        )


@pytest.mark.parametrize("strides", [[], [8, 16], [0], [-8], [np.nan], [np.inf]])
def test_strides_that_do_not_fit_are_refused(strides: list[float]) -> None:
    with pytest.raises(ValueError, match="strides"):
        AtssLevels([ATSS], strides=strides, octave_base_scale=8)


@pytest.mark.parametrize("scale", [0.0, -8.0, np.nan, np.inf])
def test_an_anchor_without_a_size_is_refused(scale: float) -> None:
    with pytest.raises(ValueError, match="octave_base_scale"):
        AtssLevels([ATSS], strides=[8], octave_base_scale=scale)


@pytest.mark.parametrize("stds", [(0.1, 0.1, 0.2), (0.1, 0.1, 0.2, np.nan)])
def test_target_stds_that_are_not_four_numbers_are_refused(
    stds: tuple[float, ...],
) -> None:
    with pytest.raises(ValueError, match="target_stds"):
        AtssLevels([ATSS], strides=[8], octave_base_scale=8, target_stds=stds)


def test_an_unknown_score_fusion_is_refused() -> None:
    with pytest.raises(ValueError, match="score_fusion"):
        AtssLevels([ATSS], strides=[8], octave_base_scale=8, score_fusion="sum")


def test_no_levels_are_refused() -> None:
    with pytest.raises(ValueError, match="levels"):
        AtssLevels([], strides=[], octave_base_scale=8)


@pytest.mark.parametrize(("width", "height"), [(20, 16), (24, 12), (0, 16), (24, -8)])
def test_an_input_that_is_no_multiple_of_the_stride_is_refused(width: int, height: int) -> None:
    with pytest.raises(ValueError, match="input"):
        YunetLevels([YUNET], strides=[8], input_width=width, input_height=height)


def test_a_level_of_too_many_locations_is_refused() -> None:
    parts = (zeros(1, 4096, 4096), zeros(4, 4096, 4096), zeros(1, 4096, 4096))
    with pytest.raises(ValueError, match="fewer than 2\\*\\*24 locations"):
        AtssLevels([parts], strides=[1], octave_base_scale=8)


def test_an_argument_that_is_no_array_is_named() -> None:
    nothing: Any = None
    with pytest.raises(TypeError, match="deltas must be an array, not NoneType"):
        AtssLevels([(ATSS[0], nothing, ATSS[2])], strides=[8], octave_base_scale=8)
    with pytest.raises(TypeError, match="rows must be an array, not NoneType"):
        decode_ssd(
            nothing,
            *Outputs.of(1).arrays,
            placement=unchanged(8),
            min_confidence=0.5,
            workspace=Workspace(),
        )


@pytest.mark.parametrize(
    "rows",
    [
        zeros(3, 6),
        zeros(7),
        zeros(2, 3, 7),
        np.zeros((3, 7)),
        zeros(7, 3).T,
        misaligned(3, 7),
    ],
)
def test_rows_that_do_not_fit_are_refused(rows: NDArray[np.generic]) -> None:
    with pytest.raises(ValueError, match="rows must"):
        decode_ssd(
            rows,
            *Outputs.of(1).arrays,
            placement=unchanged(8),
            min_confidence=0.5,
            workspace=Workspace(),
        )


@pytest.mark.parametrize("labels", [np.zeros(2, np.int32), np.zeros(3), np.zeros((2, 3), np.int32)])
def test_labels_that_do_not_fit_are_refused(labels: NDArray[np.generic]) -> None:
    with pytest.raises(ValueError, match="labels must"):
        decode_boxes_labels(
            zeros(3, 5),
            labels,
            *Outputs.of(1).arrays,
            placement=unchanged(8),
            min_confidence=0.5,
            workspace=Workspace(),
        )


@pytest.mark.parametrize(
    ("boxes", "scores", "labels", "message"),
    [
        (zeros(3, 5), zeros(3), np.zeros(3, np.int32), "network_boxes must"),
        (zeros(3, 4), zeros(2), np.zeros(3, np.int32), "scores must be as many"),
        (zeros(3, 4), np.zeros(3), np.zeros(3, np.int32), "scores must be float32"),
        (zeros(3, 4), zeros(3), np.zeros(2, np.int32), "labels must be as many"),
    ],
)
def test_scores_that_do_not_fit_are_refused(
    boxes: NDArray[np.generic],
    scores: NDArray[np.generic],
    labels: NDArray[np.generic],
    message: str,
) -> None:
    with pytest.raises(ValueError, match=message):
        decode_boxes_scores(
            boxes,
            scores,
            labels,
            *Outputs.of(1).arrays,
            placement=unchanged(8),
            min_confidence=0.5,
            workspace=Workspace(),
        )
    for array in (boxes, scores, labels):
        array.resize(0, refcheck=False)  # A buffer that is still open would refuse this.


def test_levels_keep_their_arrays_alive() -> None:
    logits = zeros(1, 2, 3)
    gone = weakref.ref(logits)
    levels = AtssLevels([(logits, ATSS[1], ATSS[2])], strides=[8], octave_base_scale=8)
    del logits
    gc.collect()
    assert gone() is not None
    assert (levels.level_count, levels.candidates) == (1, 6)
    del levels
    gc.collect()
    assert gone() is None


def test_importing_the_extension_does_not_import_numpy() -> None:
    program = "import sys, facewire_ext; sys.exit('numpy' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)
