"""Recall and false positives over gRPC, on photos with boxes drawn by people.

    python benchmarks/accuracy.py

Starts a server with the embedded model and YuNet 640, sends it every photo that
dlib's training.xml and testing.xml name, and counts. A face is found when a
detection overlaps its box with an IoU of at least 0.4; each detection counts for
one face at most, and is a false positive when it counts for none.
"""

import argparse
import platform
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

import openvino

from facewire_client import FaceClient
from facewire_client.result import Face
from facewire_server.config import Config
from facewire_server.lifecycle.background import BackgroundServer
from facewire_server.models.source import EMBEDDED

SHARED = Path(__file__).parents[2] / "shared"
MIN_IOU = 0.4

Box = tuple[float, float, float, float]


@dataclass
class Score:
    """What one model made of the photos."""

    photos: int = 0
    faces: int = 0
    found: int = 0
    false_positives: int = 0
    missed: list[str] = field(default_factory=list)

    def add(self, name: str, truth: list[Box], detected: list[Face]) -> None:
        """Counts one photo; the most confident detection chooses its face first."""
        left = list(truth)
        for face in detected:
            best = max(left, key=lambda box: iou(face.box, box), default=None)
            if best is not None and iou(face.box, best) >= MIN_IOU:
                left.remove(best)
            else:
                self.false_positives += 1
        self.photos += 1
        self.faces += len(truth)
        self.found += len(truth) - len(left)
        self.missed += [f"{name} {box}" for box in left]


def iou(a: Box, b: Box) -> float:
    """Intersection over union of two boxes (x_min, y_min, x_max, y_max)."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    areas = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (a, b))
    return width * height / (areas - width * height)


def ground_truth(folder: Path) -> dict[Path, list[Box]]:
    """The boxes of every photo that dlib's two lists name."""
    truth = {}
    for name in ("training.xml", "testing.xml"):
        for image in ElementTree.parse(folder / name).iter("image"):
            truth[folder / image.attrib["file"]] = [
                _box(box) for box in image.iter("box") if box.get("ignore") != "1"
            ]
    return truth


def _box(element: ElementTree.Element) -> Box:
    left, top, width, height = (
        float(element.attrib[key]) for key in ("left", "top", "width", "height")
    )
    return left, top, left + width, top + height


def measure(client: FaceClient, model: str, truth: dict[Path, list[Box]]) -> Score:
    """Sends every photo to one model."""
    score = Score()
    for photo, boxes in truth.items():
        result = client.detect(photo, model=model)
        score.add(photo.name, boxes, list(result.faces))
    return score


def main() -> None:
    """Prints the settings, then a line for each model."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=Path, default=SHARED / "faces" / "dlib")
    parser.add_argument(
        "--model",
        action="append",
        help="name or path; may be repeated (default: the embedded one and YuNet 640)",
    )
    arguments = parser.parse_args()
    yunet = SHARED / "models" / "yunet" / "yunet_n_640_640.onnx"
    models = tuple(arguments.model or (EMBEDDED, str(yunet)))
    truth = ground_truth(arguments.photos)
    print(
        f"{len(truth)} photos, IoU at least {MIN_IOU}, each model's own thresholds;"
        f" OpenVINO {openvino.__version__}, Python {platform.python_version()}"
    )
    config = Config(models=models, port=0, metrics_port=None)
    with BackgroundServer(config) as server, FaceClient(server.target) as client:
        for model in client.models():
            score = measure(client, model.name, truth)
            recall = score.found / score.faces
            each = score.false_positives / score.photos
            print(
                f"{model.name} ({model.precision}): {score.found} of {score.faces}"
                f" faces ({recall:.1%}), {each:.2f} false positives a photo"
            )
            for missed in score.missed:
                print(f"  missed {missed}")


if __name__ == "__main__":
    main()
