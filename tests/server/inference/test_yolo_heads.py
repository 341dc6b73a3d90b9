"""YOLOs are recognised by shapes, and by metadata where those leave a doubt."""

import numpy as np
import pytest

from facewire_ext import Placement
from facewire_server.errors import ModelError
from facewire_server.image.target import ResizeMode
from facewire_server.inference.heads import Output, recognise
from facewire_server.inference.heads.base import FilterOptions
from facewire_server.inference.heads.yolo import YoloHead
from facewire_server.inference.heads.yolo_levels import YoloLevelsHead
from facewire_server.models.metadata import Metadata

SQUARE = (64, 64)
CELLS = 64 + 16 + 4


def floats(*shape: int) -> Output:
    return Output(("output",), shape, False)


Columns = tuple[int, int, int, int, int]
"""Classes, first score, objectness, first landmark, its step; -1: none."""


@pytest.mark.parametrize(
    ("rows", "columns", "labels", "expected"),
    [
        (CELLS, 5, None, (1, 4, -1, -1, 2)),
        (CELLS, 15, None, (1, 4, -1, 5, 2)),
        (CELLS, 20, None, (1, 4, -1, 5, 3)),
        (CELLS, 16, "abcdefghijkl", (12, 4, -1, -1, 2)),
        (CELLS, 16, "ab", (2, 4, -1, 6, 2)),
        (3 * CELLS, 6, None, (1, 5, 4, -1, 2)),
        (3 * CELLS, 16, None, (1, 15, 4, 5, 2)),
        (3 * CELLS, 21, None, (1, 5, 4, 6, 3)),
        (3 * CELLS, 16, "abcdefghijk", (11, 5, 4, -1, 2)),
        (CELLS + 256, 20, None, (1, 4, -1, 5, 3)),
        (3 * (CELLS + 1), 16, None, (1, 15, 4, 5, 2)),
    ],
)
def test_rows_and_columns_tell_what_a_yolo_has(
    rows: int, columns: int, labels: str | None, expected: Columns
) -> None:
    metadata = Metadata(labels=tuple(labels) if labels else None)
    for transposed in (True, False):
        shape = (columns, rows) if transposed else (rows, columns)
        head = recognise([floats(1, *shape)], SQUARE, metadata)
        assert isinstance(head, YoloHead)
        layout = head.layout
        found = (layout.classes, layout.scores, layout.objectness, layout.landmarks)
        assert (*found, layout.landmark_step) == expected
        assert (layout.transposed, layout.suppressed) == (transposed, False)
        assert head.landmarks is (expected[3] >= 0)


@pytest.mark.parametrize(
    ("rows", "columns", "thresholds"),
    [
        (CELLS, 5, (0.25, 0.7)),
        (3 * CELLS, 6, (0.25, 0.45)),
        (3 * CELLS, 16, (0.6, 0.5)),
        (3 * CELLS, 21, (0.25, 0.45)),
        (300, 6, (0.25, None)),
    ],
)
def test_the_thresholds_of_a_yolo_are_those_of_its_version(
    rows: int, columns: int, thresholds: tuple[float, float | None]
) -> None:
    head = recognise([floats(1, rows, columns)], SQUARE, Metadata())
    assert (head.min_confidence, head.iou_threshold) == thresholds
    assert (head.rgb, head.mean, head.scale, head.pad_value) == (True, None, (255.0,), 114)
    assert head.resize is ResizeMode.FIT_TO_WINDOW_LETTERBOX


@pytest.mark.parametrize(
    ("rows", "columns", "labels", "kpt_shape"),
    [
        (CELLS, 16, None, None),
        (CELLS, 84, None, None),
        (3 * CELLS, 85, "ab", None),
        (CELLS, 20, None, (5, 2)),
        (CELLS, 56, None, (17, 3)),
    ],
)
def test_columns_that_do_not_fit_the_labels_are_refused_with_the_key_to_set(
    rows: int, columns: int, labels: str | None, kpt_shape: tuple[int, int] | None
) -> None:
    metadata = Metadata(labels=tuple(labels) if labels else None, kpt_shape=kpt_shape)
    with pytest.raises(ModelError, match=f"{columns} columns.*Set `labels`"):
        recognise([floats(1, columns, rows)], SQUARE, metadata)


@pytest.mark.parametrize("rows", [300, -1])
@pytest.mark.parametrize(("columns", "landmarks"), [(6, (-1, 2)), (16, (6, 2)), (21, (6, 3))])
def test_few_rows_of_corners_are_a_yolo_after_suppression(
    rows: int, columns: int, landmarks: tuple[int, int]
) -> None:
    head = recognise([floats(1, rows, columns)], SQUARE, Metadata())
    assert isinstance(head, YoloHead)
    assert head.layout.suppressed
    assert (head.layout.landmarks, head.layout.landmark_step) == landmarks


def test_rows_that_may_be_of_rt_detr_need_a_word() -> None:
    outputs, labels = [floats(1, 300, 6)], ("face", "mask")
    with pytest.raises(ModelError, match="end2end = true"):
        recognise(outputs, SQUARE, Metadata(labels=labels))
    assert isinstance(recognise(outputs, SQUARE, Metadata(labels=labels, end2end=True)), YoloHead)


def test_the_raw_levels_beside_the_rows_of_yolov5_are_ignored() -> None:
    raw = [floats(1, 3, side, side, 16) for side in (8, 4, 2)]
    head = recognise([*raw, floats(1, 3 * CELLS, 16)], SQUARE, Metadata())
    assert head.positions == (3,)


def test_strides_of_the_metadata_are_those_of_the_rows() -> None:
    outputs = [floats(1, 5, 16 + 4)]
    head = recognise(outputs, SQUARE, Metadata(strides=(16, 32)))
    assert isinstance(head, YoloHead)


@pytest.mark.parametrize("model_type", ["YOLO", "yolov8", "yolo11", "YOLOv5-face"])
def test_a_model_type_of_the_family_is_no_obstacle(model_type: str) -> None:
    head = recognise([floats(1, 5, CELLS)], SQUARE, Metadata(model_type=model_type))
    assert isinstance(head, YoloHead)


def levels(channels: int) -> list[Output]:
    return [floats(1, channels, side, side) for side in (8, 4, 2)]


@pytest.mark.parametrize(
    ("channels", "labels", "step"),
    [(65, None, 0), (75, None, 2), (80, None, 3), (80, "ab" * 8, 0), (81, "ab", 3)],
)
def test_levels_of_logits_are_a_raw_yolo(channels: int, labels: str | None, step: int) -> None:
    metadata = Metadata(labels=tuple(labels) if labels else None)
    for outputs, positions in ((levels(channels), (0, 1, 2)), (levels(channels)[::-1], (2, 1, 0))):
        head = recognise(outputs, SQUARE, metadata)
        assert isinstance(head, YoloLevelsHead)
        assert (head.landmark_step, head.positions) == (step, positions)
        assert head.landmarks is (step > 0)
    assert (head.rgb, head.scale, head.pad_value) == (True, (255.0,), 114)
    assert (head.min_confidence, head.iou_threshold) == (0.25, 0.7)


def test_a_raw_yolo_is_read_with_its_landmarks() -> None:
    head = recognise(levels(80), SQUARE, Metadata())
    arrays = [np.zeros(output.shape, np.float32) for output in levels(80)]
    for array in arrays:
        array[:, 64] = -20
    arrays[0][0, 64, 2, 3] = 20
    arrays[0][0, 65:, 2, 3] = 0.5
    placement = Placement(*SQUARE, 999, 999, 1.0, 1.0, -500.0, -500.0)
    found = head.bind(arrays).read(placement, FilterOptions(0.5, None, 10))
    # The mean of 16 equal bins is 7.5 strides.
    assert (found.boxes - 500).tolist() == [[28 - 60, 20 - 60, 28 + 60, 20 + 60]]
    assert found.landmarks is not None
    assert (found.landmarks - 500).tolist() == [[24 + 8, 16 + 8] * 5]


@pytest.mark.parametrize(
    ("outputs", "metadata"),
    [
        ([floats(1, 5, CELLS - 1)], Metadata()),
        ([floats(1, 5, -1)], Metadata()),
        ([floats(1, 300, 5)], Metadata()),
        ([floats(2, 5, CELLS)], Metadata()),
        ([floats(1, 5, CELLS), floats(1, 32, 16, 16)], Metadata()),
        ([floats(1, 5, CELLS)], Metadata(model_type="YOLOX")),
        ([Output(("x",), (1, 5, CELLS), True)], Metadata()),
        (levels(66), Metadata()),
        (levels(80)[:2], Metadata()),
        ([*levels(80)[:2], floats(1, 80, 2, 3)], Metadata()),
        ([*levels(80)[:2], floats(1, 75, 2, 2)], Metadata()),
        ([floats(1, 80, 8, 8)] * 3, Metadata()),
    ],
)
def test_outputs_of_other_sizes_are_refused_with_the_known_heads(
    outputs: list[Output], metadata: Metadata
) -> None:
    with pytest.raises(ModelError, match="fit no known head") as caught:
        recognise(outputs, SQUARE, metadata)
    assert all(head.title in str(caught.value) for head in (YoloHead, YoloLevelsHead))
