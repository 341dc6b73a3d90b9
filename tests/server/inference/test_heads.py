"""Heads are recognised by outputs and metadata, never by names of files."""

import numpy as np
import pytest

from facewire_ext import Placement
from facewire_server.errors import ModelError
from facewire_server.image.target import ResizeMode
from facewire_server.inference.heads import Output, recognise
from facewire_server.inference.heads.atss import AtssHead
from facewire_server.inference.heads.base import FilterOptions
from facewire_server.inference.heads.boxes_labels import BoxesLabelsHead
from facewire_server.inference.heads.detr import DetrHead
from facewire_server.inference.heads.ssd import SsdHead
from facewire_server.inference.heads.yunet import YunetHead
from facewire_server.models.metadata import Metadata

SIDE = 64
SQUARE = (SIDE, SIDE)
WHOLE = Placement(SIDE, SIDE, SIDE, SIDE, 1.0, 1.0, 0.0, 0.0)
ANY = FilterOptions(min_confidence=0.25, iou_threshold=None, max_detections=10)


def floats(name: str, *shape: int) -> Output:
    return Output((name,) if name else (), shape, False)


def integers(name: str, *shape: int) -> Output:
    return Output((name,), shape, True)


def atss(strides: tuple[int, ...] = (8, 16), named: bool = True) -> list[Output]:
    kinds = {"cls_score": 1, "bbox_pred": 4, "centerness": 1}
    return [
        floats(f"{kind}_{stride}" if named else "", 1, count, *[SIDE // stride] * 2)
        for kind, count in kinds.items()
        for stride in strides
    ]


def yunet(named: bool = True) -> list[Output]:
    return [
        floats(f"{kind}_{s}" if named else "", 1, (SIDE // s) ** 2, count)
        for kind, count in {"cls": 1, "obj": 1, "bbox": 4, "kps": 10}.items()
        for s in (8, 16, 32)
    ]


@pytest.mark.parametrize("leading", [(), (1,)])
@pytest.mark.parametrize("rows", [750, -1])
def test_boxes_with_integer_labels_are_recognised(leading: tuple[int, ...], rows: int) -> None:
    outputs = [
        floats("saliency_map", 1, 8, 8),
        integers("labels", *leading, rows),
        floats("boxes", *leading, rows, 5),
    ]
    head = recognise(outputs, SQUARE, Metadata())
    assert isinstance(head, BoxesLabelsHead)
    assert head.positions == (2, 1)
    assert head.iou_threshold is None
    assert head.resize is ResizeMode.STANDARD


@pytest.mark.parametrize("leading", [(), (1,)])
def test_labels_may_have_an_axis_of_batches_that_boxes_do_not_have(leading: tuple[int]) -> None:
    outputs = [floats("boxes", *leading, 9, 5), integers("labels", 9)]
    assert isinstance(recognise(outputs, SQUARE, Metadata()), BoxesLabelsHead)
    outputs = [floats("boxes", 9, 5), integers("labels", *leading, 9)]
    assert isinstance(recognise(outputs, SQUARE, Metadata()), BoxesLabelsHead)


def test_outputs_of_explanations_are_ignored() -> None:
    outputs = [
        floats("feature_vector", 5, 5),
        integers("saliency_map", 1, 5),
        integers("labels", 1, -1),
        floats("bboxes", 1, -1, 5),
    ]
    head = recognise(outputs, SQUARE, Metadata())
    assert isinstance(head, BoxesLabelsHead)
    assert (head.positions, head.integers) == ((3, 2), (2,))


def test_labels_of_floats_are_told_by_their_name() -> None:
    outputs = [floats("scores", 1, 9), floats("labels", 1, 9), floats("boxes", 1, 9, 5)]
    head = recognise(outputs, SQUARE, Metadata())
    assert (head.positions, head.integers) == ((2, 1), (1,))


def test_boxes_without_labels_are_told_by_their_name() -> None:
    head = recognise([floats("boxes", 1, 9, 5)], SQUARE, Metadata())
    assert isinstance(head, BoxesLabelsHead)
    assert (head.positions, head.integers) == ((0,), ())
    boxes = np.array([[[1, 2, 11, 12, 0.5]]], np.float32)
    assert head.bind([boxes]).read(WHOLE, ANY).class_ids.tolist() == [0]


@pytest.mark.parametrize("labels", [integers("labels", 1, 300), floats("labels", 1, 300)])
def test_bboxes_with_scores_and_labels_are_those_of_transformers(labels: Output) -> None:
    outputs = [labels, floats("scores", 1, 300), floats("bboxes", 1, 300, 4)]
    head = recognise(outputs, SQUARE, Metadata())
    assert isinstance(head, DetrHead)
    assert (head.positions, head.integers) == ((2, 1, 0), (0,))
    assert head.iou_threshold is None
    boxes = np.array([[[0.25, 0.5, 0.75, 1.0]]], np.float32)
    scores, classes = np.array([[0.5]], np.float32), np.array([[1]], np.int32)
    found = head.bind([boxes, scores, classes]).read(WHOLE, ANY)
    assert found.boxes.tolist() == [[16, 32, 48, 64]]
    assert (found.confidences.tolist(), found.class_ids.tolist()) == ([0.5], [1])


def test_one_output_of_seven_columns_is_ssd() -> None:
    head = recognise([floats("any", 1, 1, 200, 7)], SQUARE, Metadata())
    assert isinstance(head, SsdHead)


def test_other_outputs_beside_ssd_rows_are_ignored() -> None:
    outputs = [floats("feature_vector", 1, 96), floats("detection_out", 1, 1, 200, 7)]
    head = recognise(outputs, SQUARE, Metadata())
    assert isinstance(head, SsdHead)
    assert head.positions == (1,)


def test_nms_execute_asks_for_suppression_with_the_defaults_of_model_api() -> None:
    outputs = [floats("boxes", 9, 5), integers("labels", 9)]
    head = recognise(outputs, SQUARE, Metadata(nms_execute=True))
    assert (head.iou_threshold, head.max_detections) == (0.5, 200)
    metadata = Metadata(nms_execute=True, iou_threshold=0.0, nms_max_predictions=7)
    head = recognise(outputs, SQUARE, metadata)
    assert (head.iou_threshold, head.max_detections) == (0.0, 7)
    metadata = Metadata(nms_execute=True, nms_max_predictions=0)
    assert recognise(outputs, SQUARE, metadata).max_detections is None
    metadata = Metadata(iou_threshold=0.4, nms_max_predictions=7)
    head = recognise(outputs, SQUARE, metadata)
    assert (head.iou_threshold, head.max_detections) == (None, None)


@pytest.mark.parametrize("named", [True, False])
def test_levels_of_logits_deltas_and_centerness_are_atss(named: bool) -> None:
    head = recognise(atss(named=named), SQUARE, Metadata())
    assert isinstance(head, AtssHead)
    assert head.strides == (8, 16)
    assert head.positions == (0, 2, 4, 1, 3, 5)


def test_named_outputs_may_come_in_any_order() -> None:
    head = recognise(atss()[::-1], SQUARE, Metadata())
    assert isinstance(head, AtssHead)
    assert head.positions == (5, 3, 1, 4, 2, 0)


@pytest.mark.parametrize("named", [True, False])
def test_levels_of_four_kinds_are_yunet(named: bool) -> None:
    head = recognise(yunet(named), SQUARE, Metadata())
    assert isinstance(head, YunetHead)
    assert head.strides == (8, 16, 32)
    assert head.resize is ResizeMode.FIT_TO_WINDOW


def test_metadata_overrides_the_defaults_of_the_head() -> None:
    metadata = Metadata(
        labels=("a", "b"),
        confidence_threshold=0.0,
        iou_threshold=0.1,
        resize_type=ResizeMode.FIT_TO_WINDOW_LETTERBOX,
    )
    head = recognise(atss(), SQUARE, metadata)
    assert head.labels == ("a", "b")
    assert head.min_confidence == 0.0
    assert head.iou_threshold == 0.1
    assert head.resize is ResizeMode.FIT_TO_WINDOW_LETTERBOX


@pytest.mark.parametrize(
    ("outputs", "metadata"),
    [
        ([], Metadata()),
        ([floats("logits", 1, 1000)], Metadata()),
        ([floats("predictions", 100, 5)], Metadata()),
        ([floats("boxes", 100, 5), integers("labels", 99)], Metadata()),
        ([floats("rows", 1, 1, 9, 7), floats("more", 1, 1, 9, 7)], Metadata()),
        ([floats("boxes", 9, 4), floats("scores", 9), integers("labels", 9)], Metadata()),
        ([floats("bboxes", 9, 4), floats("scores", 8), integers("labels", 9)], Metadata()),
        (atss()[:-1], Metadata()),
        (atss(), Metadata(model_type="FCOS")),
        (atss(), Metadata(strides=(4, 8))),
        (yunet()[:-1], Metadata()),
    ],
)
def test_outputs_that_fit_no_head_are_refused_with_the_known_heads(
    outputs: list[Output], metadata: Metadata
) -> None:
    with pytest.raises(ModelError) as caught:
        recognise(outputs, SQUARE, metadata)
    message = str(caught.value)
    assert all(str(output) in message for output in outputs)
    assert all(head.title in message for head in (SsdHead, AtssHead, YunetHead))


def test_boxes_and_labels_are_read_in_pixels() -> None:
    outputs = [floats("boxes", 2, 5), integers("labels", 2)]
    head = recognise(outputs, SQUARE, Metadata())
    boxes = np.array([[1, 2, 11, 12, 0.5], [3, 4, 13, 14, 0.75]], np.float32)
    labels = np.array([0, 1], np.int32)
    found = head.bind([boxes, labels]).read(WHOLE, ANY)
    assert found.boxes.tolist() == [[3, 4, 13, 14], [1, 2, 11, 12]]
    assert found.confidences.tolist() == [0.75, 0.5]
    assert found.class_ids.tolist() == [1, 0]
    assert found.landmarks is None


def test_a_network_may_find_nothing_at_all() -> None:
    outputs = [floats("boxes", 1, -1, 5), integers("labels", 1, -1)]
    empty = [np.zeros((1, 0, 5), np.float32), np.zeros((1, 0), np.int32)]
    head = recognise(outputs, SQUARE, Metadata())
    assert head.bind(empty).read(WHOLE, ANY).boxes.shape == (0, 4)


def test_atss_is_read_with_the_settings_of_its_metadata() -> None:
    metadata = Metadata(octave_base_scale=2.0, score_fusion="geometric_mean")
    head = recognise(atss((16,)), SQUARE, metadata)
    logits = np.full((1, 1, 4, 4), -20, np.float32)
    logits[0, 0, 1, 2] = 20
    deltas = np.zeros((1, 4, 4, 4), np.float32)
    centerness = np.zeros((1, 1, 4, 4), np.float32)
    found = head.bind([logits, deltas, centerness]).read(WHOLE, ANY)
    # One anchor of 2 x 16 px about column 2, row 1; sqrt(1 x sigmoid(0)).
    assert found.boxes.tolist() == [[16, 0, 48, 32]]
    assert found.confidences == pytest.approx([0.5**0.5], abs=1e-6)


def test_yunet_is_read_with_its_landmarks() -> None:
    head = recognise(yunet(), SQUARE, Metadata())
    arrays = [np.zeros(output.shape, np.float32) for output in yunet()]
    bound = [arrays[position] for position in head.positions]
    bound[0][0, 9, 0] = bound[1][0, 9, 0] = 1  # stride 8, row 1, column 1
    bound[3][0, 9] = 0.5
    found = head.bind(bound).read(WHOLE, ANY)
    assert found.boxes.tolist() == [[4, 4, 12, 12]]
    assert found.landmarks is not None
    assert found.landmarks.tolist() == [[12] * 10]


def test_max_detections_limits_what_is_read() -> None:
    head = recognise([floats("rows", 1, 1, 5, 7)], SQUARE, Metadata())
    rows = np.array([[0, 0, 0.9, 0, 0, 0.5, 0.5]] * 5, np.float32)[None, None]
    found = head.bind([rows]).read(WHOLE, FilterOptions(0.5, None, 3))
    assert found.boxes.tolist() == [[0, 0, 32, 32]] * 3
