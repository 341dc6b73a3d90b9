"""SCRFD, RetinaFace and YOLO: recognised by shapes, and by metadata where a doubt is left."""

import numpy as np
import pytest

from facewire_ext import Placement
from facewire_server.errors import ModelError
from facewire_server.image.target import ResizeMode
from facewire_server.inference.heads import Head, Output, recognise
from facewire_server.inference.heads.base import FilterOptions
from facewire_server.inference.heads.retinaface import RetinafaceHead
from facewire_server.inference.heads.scrfd import ScrfdHead
from facewire_server.inference.heads.yolo import YoloHead
from facewire_server.models.metadata import Metadata

SQUARE = (64, 64)
CELLS = 64 + 16 + 4
NUMBERS = iter(range(448, 10_000))


def floats(*shape: int) -> Output:
    """An output that is called by a number, as PyTorch's exporter does."""
    return Output((str(next(NUMBERS)),), shape, False)


def scrfd(
    leading: tuple[int, ...] = (), levels: int = 3, landmarks: bool = True, anchors: int = 2
) -> list[Output]:
    kinds = (1, 4, 10) if landmarks else (1, 4)
    strides = [8 << level for level in range(levels)]
    return [
        floats(*leading, anchors * (-(-64 // stride)) ** 2, columns)
        for columns in kinds
        for stride in strides
    ]


@pytest.mark.parametrize("leading", [(), (1,)])
@pytest.mark.parametrize("landmarks", [True, False])
@pytest.mark.parametrize(("levels", "anchors"), [(3, 2), (5, 1), (3, 1)])
def test_levels_of_scores_boxes_and_landmarks_are_scrfd(
    leading: tuple[int, ...], landmarks: bool, levels: int, anchors: int
) -> None:
    outputs = scrfd(leading, levels, landmarks, anchors)
    head = recognise(outputs, SQUARE, Metadata())
    assert isinstance(head, ScrfdHead)
    assert (head.strides, head.anchors) == (tuple(8 << n for n in range(levels)), anchors)
    assert head.positions == tuple(range(len(outputs)))


def test_the_levels_of_scrfd_may_come_in_any_order() -> None:
    outputs = scrfd()
    head = recognise(outputs[::-1], SQUARE, Metadata())
    assert head.positions == tuple(range(8, -1, -1))


def test_an_image_is_treated_as_insightface_does_unless_metadata_say_otherwise() -> None:
    head = recognise(scrfd(), SQUARE, Metadata())
    assert (head.rgb, head.mean, head.scale) == (True, (127.5,), (128.0,))
    assert (head.resize, head.pad_value) == (ResizeMode.FIT_TO_WINDOW, 0)
    assert (head.min_confidence, head.iou_threshold) == (0.5, 0.4)
    own = Metadata(reverse_input_channels=False, mean=(0.0,), scale=(1.0,), iou_threshold=0.1)
    head = recognise(scrfd(), SQUARE, own)
    assert (head.rgb, head.mean, head.scale, head.iou_threshold) == (False, (0.0,), (1.0,), 0.1)


def test_open_rows_of_scrfd_are_checked_when_they_are_there() -> None:
    outputs = [floats(-1, output.shape[1]) for output in scrfd()]
    head = recognise(outputs, SQUARE, Metadata())
    arrays = [np.zeros(output.shape, np.float32) for output in scrfd()]
    head.bind(arrays)
    with pytest.raises(ModelError, match="scores must be of shape"):
        head.bind([arrays[1], *arrays[1:]])


def retinaface(rows: int = 2 * CELLS) -> list[Output]:
    return [floats(1, rows, columns) for columns in (4, 2, 10)]


def test_offsets_from_priors_are_retinaface() -> None:
    head = recognise(retinaface(), SQUARE, Metadata())
    assert isinstance(head, RetinafaceHead)
    assert head.positions == (1, 0, 2)
    assert (head.rgb, head.mean, head.scale) == (False, (104.0, 117.0, 123.0), None)
    assert (head.min_confidence, head.iou_threshold) == (0.6, 0.4)


def test_the_priors_of_retinaface_are_two_squares_in_each_cell() -> None:
    head = recognise(retinaface(), SQUARE, Metadata())
    arrays = [np.zeros((1, 2 * CELLS, columns), np.float32) for columns in (2, 4, 10)]
    arrays[0][..., 1] = 1
    # The input is a part of a large image, so that no prior is clipped.
    placement = Placement(*SQUARE, 2048, 2048, 1.0, 1.0, -1000.0, -1000.0)
    found = head.bind(arrays).read(placement, FilterOptions(0.5, None, 1000))
    sides, counts = np.unique(found.boxes[:, 2:] - found.boxes[:, :2], return_counts=True)
    numbers = [64, 64, 16, 16, 4, 4]
    assert sides.tolist() == [16, 32, 64, 128, 256, 512]
    assert counts.tolist() == [2 * number for number in numbers]
    assert found.boxes[:2].tolist() == [[996, 996, 1012, 1012], [988, 988, 1020, 1020]]


def test_open_rows_of_retinaface_are_checked_when_they_are_there() -> None:
    head = recognise(retinaface(-1), SQUARE, Metadata())
    for rows in (2 * CELLS - 1, 2 * CELLS + 1):
        with pytest.raises(ModelError, match=f"has {2 * CELLS} priors"):
            head.bind([np.zeros((1, rows, columns), np.float32) for columns in (2, 4, 10)])


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


@pytest.mark.parametrize(
    ("outputs", "metadata"),
    [
        (scrfd()[:-1], Metadata()),
        (scrfd()[1:], Metadata()),
        ([*scrfd(), floats(1, 7)], Metadata()),
        ([floats(32, 1), *scrfd()[1:]], Metadata()),
        ([*scrfd()[:-1], floats(9, 10)], Metadata()),
        ([floats(-1, 1), *scrfd()[1:]], Metadata()),
        (scrfd(anchors=2), Metadata(strides=(4, 8, 16))),
        (retinaface(2 * CELLS - 1), Metadata()),
        ([*retinaface()[:2], floats(1, 7, 10)], Metadata()),
        (retinaface()[:2], Metadata()),
        ([floats(1, 5, CELLS - 1)], Metadata()),
        ([floats(1, 5, -1)], Metadata()),
        ([floats(1, 300, 5)], Metadata()),
        ([floats(2, 5, CELLS)], Metadata()),
        ([floats(1, 5, CELLS), floats(1, 32, 16, 16)], Metadata()),
        ([floats(1, 5, CELLS)], Metadata(model_type="YOLOX")),
        ([Output(("x",), (1, 5, CELLS), True)], Metadata()),
    ],
)
def test_outputs_of_other_sizes_are_refused_with_the_known_heads(
    outputs: list[Output], metadata: Metadata
) -> None:
    known: tuple[type[Head], ...] = (ScrfdHead, RetinafaceHead, YoloHead)
    with pytest.raises(ModelError, match="fit no known head") as caught:
        recognise(outputs, SQUARE, metadata)
    assert all(head.title in str(caught.value) for head in known)
