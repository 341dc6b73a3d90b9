"""Models with several classes: suppression within each class, labels in the response."""

from pathlib import Path

from facewire.v1 import detect_pb2 as pb
from facewire_server.image.limits import ImageLimits
from facewire_server.image.picture import PixelLayout
from facewire_server.image.raw import RawImage
from facewire_server.inference.detector import Detector, Options
from facewire_server.inference.runtime import Runtime
from facewire_server.models.source import Source
from facewire_server.rpc import converters
from facewire_server.scheduling.job import Outcome
from tests.server.constant_model import SIDE, Row, write_constant_model

ROWS: list[Row] = [
    (8, 8, 40, 40, 0.9, 0),
    (9, 8, 41, 40, 0.8, 1),
    (8, 9, 40, 41, 0.7, 0),
    (48, 48, 60, 60, 0.6, 2),
    (0, 0, 0, 0, 0.0, 0),
]
LABELS = {"labels": "face mask no_mask", "confidence_threshold": "0.3"}


def respond(model: Path, options: pb.DetectOptions) -> pb.DetectResponse:
    """Return the response to a request for a black image of the input's size."""
    detector = Detector(Source.find(str(model)), Runtime())
    data = bytes(SIDE * SIDE * 3)
    image = RawImage(data=data, width=SIDE, height=SIDE, layout=PixelLayout.BGR)
    chosen: Options = converters.options(options)
    detections = detector.detect(image, chosen, ImageLimits(SIDE * SIDE))
    return converters.response(Outcome(detections, waited=0), total=0)


def found(response: pb.DetectResponse) -> list[tuple[int, str, float]]:
    return [
        (detection.class_id, detection.label, round(detection.confidence, 3))
        for detection in response.detections
    ]


def test_each_detection_has_the_label_of_its_class(tmp_path: Path) -> None:
    model = write_constant_model(tmp_path / "masks.xml", ROWS, LABELS)
    assert found(respond(model, pb.DetectOptions())) == [
        (0, "face", 0.9),
        (1, "mask", 0.8),
        (0, "face", 0.7),
        (2, "no_mask", 0.6),
    ]


def test_boxes_of_different_classes_do_not_suppress_each_other(tmp_path: Path) -> None:
    model = write_constant_model(tmp_path / "masks.xml", ROWS, LABELS)
    assert found(respond(model, pb.DetectOptions(iou_threshold=0.5))) == [
        (0, "face", 0.9),
        (1, "mask", 0.8),
        (2, "no_mask", 0.6),
    ]


def test_overlaps_are_suppressed_where_the_metadata_asks_for_it(tmp_path: Path) -> None:
    metadata = LABELS | {"nms_execute": "True"}
    model = write_constant_model(tmp_path / "masks.xml", ROWS, metadata)
    first_of_each_class = [(0, "face", 0.9), (1, "mask", 0.8), (2, "no_mask", 0.6)]
    assert found(respond(model, pb.DetectOptions())) == first_of_each_class
    assert len(found(respond(model, pb.DetectOptions(iou_threshold=1.0)))) == 4
    model.with_suffix(".toml").write_text("iou_threshold = 0.99")
    assert len(found(respond(model, pb.DetectOptions()))) == 4
    model.with_suffix(".toml").write_text("nms_execute = false")
    assert len(found(respond(model, pb.DetectOptions()))) == 4


def test_an_iou_threshold_of_0_suppresses_all_that_overlap(tmp_path: Path) -> None:
    rows: list[Row] = [(8, 8, 40, 40, 0.9, 0), (39, 39, 60, 60, 0.8, 0)]
    metadata = {"nms_execute": "True", "iou_threshold": "0"}
    model = write_constant_model(tmp_path / "faces.xml", rows, metadata)
    assert found(respond(model, pb.DetectOptions())) == [(0, "face", 0.9)]


def test_of_suppressed_boxes_200_stay_unless_someone_says_otherwise(tmp_path: Path) -> None:
    rows: list[Row] = [(i % 60, i // 60, i % 60 + 4, i // 60 + 4, 0.9, i) for i in range(300)]
    model = write_constant_model(tmp_path / "faces.xml", rows, {"nms_execute": "True"})
    assert len(found(respond(model, pb.DetectOptions()))) == 200
    assert len(found(respond(model, pb.DetectOptions(max_detections=250)))) == 250
    model.with_suffix(".toml").write_text("nms_max_predictions = 0")
    assert len(found(respond(model, pb.DetectOptions()))) == 300


def test_the_sidecar_names_the_classes_and_sets_the_threshold(tmp_path: Path) -> None:
    model = write_constant_model(tmp_path / "masks.xml", ROWS, LABELS)
    model.with_suffix(".toml").write_text(
        'labels = ["a face", "a mask"]\nconfidence_threshold = 0.55\nname = "m"'
    )
    response = respond(model, pb.DetectOptions(iou_threshold=0.5))
    assert response.model_name == "m"
    assert found(response) == [(0, "a face", 0.9), (1, "a mask", 0.8), (2, "", 0.6)]


def test_without_labels_the_only_class_is_face(tmp_path: Path) -> None:
    model = write_constant_model(tmp_path / "faces.xml", ROWS[:1], {})
    assert found(respond(model, pb.DetectOptions())) == [(0, "face", 0.9)]
