"""Recall and false positives over gRPC, on photos with boxes drawn by people.

Starts a server with the embedded model and YuNet 640, sends it every photo that dlib's
training.xml and testing.xml name, and counts. A face is found when a detection overlaps
its box with an IoU of at least 0.4; each detection counts for one face at most, and is a
false positive when it counts for none.
"""

from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

import click

from benchmarks.harness.images import DLIB, SHARED, Box, iou
from benchmarks.harness.settings import print_settings
from facewire_client import FaceClient
from facewire_client.result import Face
from facewire_server.config import Config
from facewire_server.lifecycle.background import BackgroundServer
from facewire_server.models.source import EMBEDDED

YUNET = SHARED / "models" / "yunet" / "yunet_n_640_640.onnx"
MIN_IOU = 0.4


@dataclass
class Score:
    """Counts of one model over all photos."""

    photos: int = 0
    faces: int = 0
    found: int = 0
    false_positives: int = 0
    missed: list[str] = field(default_factory=list)

    def add(self, name: str, truth: list[Box], detected: list[Face]) -> None:
        """Count one photo; the most confident detection chooses its face first."""
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

    def __str__(self) -> str:
        return (
            f"{self.found} of {self.faces} faces ({self.found / self.faces:.1%}),"
            f" {self.false_positives / self.photos:.2f} false positives a photo"
        )


def ground_truth(folder: Path) -> dict[Path, list[Box]]:
    """The boxes of every photo that dlib's two lists name."""
    return {
        folder / image.attrib["file"]: [
            _box(box) for box in image.iter("box") if box.get("ignore") != "1"
        ]
        for name in ("training.xml", "testing.xml")
        for image in ElementTree.parse(folder / name).iter("image")
    }


def _box(element: ElementTree.Element) -> Box:
    left, top, width, height = (
        float(element.attrib[key]) for key in ("left", "top", "width", "height")
    )
    return left, top, left + width, top + height


@click.command(help=__doc__)
@click.option("--photos", type=click.Path(path_type=Path), default=DLIB)
@click.option("--model", "models", multiple=True, default=(EMBEDDED, str(YUNET)))
def main(photos: Path, models: tuple[str, ...]) -> None:
    truth = ground_truth(photos)
    print_settings(photos=len(truth), min_iou=MIN_IOU)
    config = Config(models=models, port=0, metrics_port=None)
    with BackgroundServer(config) as server, FaceClient(server.target) as client:
        for model in client.models():
            score = Score()
            for photo, boxes in truth.items():
                faces = client.detect(photo, model=model.name).faces
                score.add(photo.name, boxes, list(faces))
            print(f"{model.name} ({model.precision}): {score}")
            for missed in score.missed:
                print(f"  missed {missed}")


if __name__ == "__main__":
    main()
