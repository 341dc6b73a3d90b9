"""Recall and false positives over gRPC, on photos with boxes drawn by people.

Starts a server with the embedded model and YuNet 640, sends it every photo that dlib's
training.xml and testing.xml name, and counts. A face is found when a detection overlaps
its box with an IoU of at least 0.4; each detection counts for one face at most, and is a
false positive when it counts for none.
"""

from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

import click

from benchmarks.harness.images import DLIB, SHARED, Box, iou
from benchmarks.harness.settings import print_settings
from facewire_client import FaceClient
from facewire_server.config import Config
from facewire_server.lifecycle.background import BackgroundServer
from facewire_server.models.source import EMBEDDED

YUNET = SHARED / "models" / "yunet" / "yunet_n_640_640.onnx"
MIN_IOU = 0.4


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


def missed(truth: Sequence[Box], detected: Sequence[Box]) -> tuple[list[Box], int]:
    """The faces that were missed, and the number of false positives.

    The first detection, which is the most confident one, chooses its face first.
    """
    left, false_positives = list(truth), 0
    for found in detected:
        best = max(left, key=lambda box: iou(found, box), default=None)
        if best is not None and iou(found, best) >= MIN_IOU:
            left.remove(best)
        else:
            false_positives += 1
    return left, false_positives


@click.command(help=__doc__)
@click.option("--photos", type=click.Path(path_type=Path), default=DLIB)
@click.option("--model", "models", multiple=True, default=(EMBEDDED, str(YUNET)))
def main(photos: Path, models: tuple[str, ...]) -> None:
    truth = ground_truth(photos)
    print_settings(photos=len(truth), min_iou=MIN_IOU)
    faces = sum(map(len, truth.values()))
    config = Config(models=models, port=0, metrics_port=None)
    with BackgroundServer(config) as server, FaceClient(server.target) as client:
        for model in client.models():
            lines, wrong = [], 0
            for photo, boxes in truth.items():
                result = client.detect(photo, model=model.name)
                left, false_positives = missed(boxes, [face.box for face in result.faces])
                lines += [f"  missed {photo.name} {box}" for box in left]
                wrong += false_positives
            found = faces - len(lines)
            print(
                f"{model.name} ({model.precision}): {found} of {faces} faces ({found / faces:.1%}),"
                f" {wrong / len(truth):.2f} false positives a photo",
                *lines,
                sep="\n",
            )


if __name__ == "__main__":
    main()
