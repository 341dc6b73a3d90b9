"""ONNX files with the outputs of SCRFD, RetinaFace and YOLOs, served without a sidecar.

The weights are constants: what a server answers is what the reference reads in them.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import grpc
import numpy as np
import pytest
from numpy.typing import NDArray

from facewire.v1 import detect_pb2 as pb
from facewire.v1.detect_pb2_grpc import DetectServiceStub
from facewire_server.config import Config
from facewire_server.lifecycle.background import BackgroundServer
from tests.ext.arrays import unchanged
from tests.ext.reference import Choice, Detections, detect
from tests.ext.reference_faces import AnchorHead, YoloColumns, yolo_levels
from tests.ext.test_anchors import random_levels, retinaface, scrfd
from tests.ext.test_yolo import VERSIONS, random_table
from tests.ext.test_yolo_levels import random_levels as logit_levels
from tests.server.onnx_writer import SIDE, write_outputs

Array = NDArray[np.float32]
CELLS = 64 + 16 + 4
BLACK = pb.RawImage(
    data=bytes(SIDE * SIDE * 3), width=SIDE, height=SIDE, pixel_format=pb.PIXEL_FORMAT_BGR
)


@dataclass(frozen=True)
class Toy:
    """The outputs of a network, and what is to be found in them."""

    outputs: Mapping[str, Array]
    expected: Detections
    landmarks: bool
    metadata: Mapping[str, str] = field(default_factory=dict)
    labels: Sequence[str] = ("face",)


def anchors(head: AnchorHead, choice: Choice, landmarks: bool = True, batch: bool = True) -> Toy:
    """Outputs kind by kind, called by numbers, as insightface exports them."""
    for seed in range(1000):
        levels = random_levels(head, seed, 0.1, landmarks)
        expected = detect(head.candidates(levels), unchanged(SIDE), choice)
        if expected.margin > 1 and len(expected.boxes) > 5:
            break
    parts = [level[kind] for kind in range(len(levels[0])) for level in levels]
    arrays = parts if batch else [part[0] for part in parts]
    return Toy(named(arrays), expected, landmarks)


def priors(choice: Choice) -> Toy:
    """Outputs of all strides together, as Pytorch_Retinaface exports them."""
    toy = anchors(retinaface(SIDE, SIDE), choice)
    parts = list(toy.outputs.values())
    scores, boxes, marks = (np.concatenate(parts[at : at + 3], axis=1) for at in (0, 3, 6))
    return Toy(named([boxes, scores, marks]), toy.expected, True)


def rows(
    columns: YoloColumns,
    count: int,
    choice: Choice,
    transposed: bool = False,
    one_class: bool = False,
) -> Toy:
    """The one output of a YOLO."""
    for seed in range(1000):
        table = random_table(columns, seed, count, 0.05, SIDE)
        if columns.class_column is not None:
            table[:, columns.class_column] %= 1 if one_class else 2
        expected = detect(columns.candidates(table), unchanged(SIDE), choice)
        if expected.margin > 1 and len(expected.boxes) > 2:
            break
    return Toy(
        named([(table.T if transposed else table)[None]]), expected, columns.landmarks is not None
    )


def named(arrays: Sequence[Array]) -> dict[str, Array]:
    return {str(448 + 23 * index): array for index, array in enumerate(arrays)}


def raw(choice: Choice) -> Toy:
    """The levels of a yolov8-face whose exporter leaves the decoding out."""
    for seed in range(1000):
        levels = logit_levels(seed, SIDE, SIDE, 0.1)
        expected = detect(yolo_levels(levels, (8, 16, 32), 1, 3), unchanged(SIDE), choice)
        if expected.margin > 1 and len(expected.boxes) > 5:
            break
    return Toy(named(levels), expected, True)


def ultralytics(toy: Toy, labels: Sequence[str], **metadata: str) -> Toy:
    """The same, with the metadata of Ultralytics' exporter."""
    names = str(dict(enumerate(labels)))
    return replace(
        toy, metadata={"names": names, "stride": "32", "task": "detect", **metadata}, labels=labels
    )


TOYS = {
    "scrfd_kps": anchors(scrfd(SIDE, SIDE), Choice(0.5, 0.4), batch=False),
    "scrfd": anchors(scrfd(SIDE, SIDE), Choice(0.5, 0.4), landmarks=False),
    "five_strides": anchors(scrfd(SIDE, SIDE, 1, 5), Choice(0.5, 0.4)),
    "retinaface": priors(Choice(0.6, 0.4)),
    "yolov5_face": rows(VERSIONS["v5-face"], 3 * CELLS, Choice(0.6, 0.5)),
    "yolov7_face": rows(VERSIONS["v7-face"], 3 * CELLS, Choice(0.25, 0.45)),
    "yolov8_face": rows(VERSIONS["v8-face"], CELLS, Choice(0.25, 0.7), transposed=True),
    "yolov8_rows": rows(VERSIONS["v8-face"], CELLS, Choice(0.25, 0.7)),
    "yolov8": rows(VERSIONS["v8"], CELLS, Choice(0.25, 0.7), transposed=True),
    "suppressed": rows(VERSIONS["suppressed, landmarks"], 300, Choice(0.25), one_class=True),
    "yolov8_raw": raw(Choice(0.25, 0.7)),
    "twelve_classes": ultralytics(
        rows(YoloColumns(classes=12), CELLS, Choice(0.25, 0.7), transposed=True),
        [f"class {number}" for number in range(12)],
    ),
    "two_classes_landmarks": ultralytics(
        rows(YoloColumns(classes=2, landmarks=6), CELLS, Choice(0.25, 0.7), transposed=True),
        ["face", "mask"],
        task="pose",
        kpt_shape="[5, 2]",
    ),
    "two_classes_suppressed": ultralytics(
        rows(VERSIONS["suppressed"], 300, Choice(0.25)), ["face", "mask"], args="{'nms': True}"
    ),
}


@pytest.fixture(scope="module")
def stub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DetectServiceStub]:
    folder: Path = tmp_path_factory.mktemp("toys")
    models = [
        str(write_outputs(folder / f"{name}.onnx", toy.outputs, metadata=toy.metadata))
        for name, toy in TOYS.items()
    ]
    # By default some CPUs round to bf16.
    config = Config(models=tuple(models), port=0, metrics_port=None, inference_precision="f32")
    with (
        BackgroundServer(config) as server,
        grpc.insecure_channel(server.target) as channel,
    ):
        yield DetectServiceStub(channel)


@pytest.mark.parametrize("name", TOYS)
def test_a_network_of_another_maker_is_served_as_its_maker_reads_it(
    stub: DetectServiceStub, name: str
) -> None:
    toy = TOYS[name]
    expected = toy.expected
    assert expected.margin > 1
    answer = stub.Detect(pb.DetectRequest(raw_image=BLACK, model=name), timeout=30)
    boxes = [
        (each.box.x_min, each.box.y_min, each.box.x_max, each.box.y_max)
        for each in answer.detections
    ]
    np.testing.assert_allclose(boxes, expected.boxes, rtol=1e-4, atol=1e-3)
    confidences = [each.confidence for each in answer.detections]
    np.testing.assert_allclose(confidences, expected.confidences, rtol=1e-5)
    labels = [toy.labels[class_id] for class_id in expected.class_ids]
    assert [each.label for each in answer.detections] == labels
    points = [[(p.x, p.y) for p in each.landmarks] for each in answer.detections]
    if toy.landmarks:
        assert expected.landmarks is not None
        wanted = expected.landmarks.reshape(-1, 5, 2)
        np.testing.assert_allclose(points, wanted, rtol=1e-4, atol=1e-2)
    else:
        assert points == [[]] * len(boxes)
