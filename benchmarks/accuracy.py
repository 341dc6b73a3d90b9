"""Recall and false positives over gRPC, on dlib's photos with boxes drawn by people.

A face is found when a detection overlaps its box with an IoU of at least 0.4; each detection
counts for one face at most, and is a false positive when it counts for none.
"""

from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

import click

from benchmarks.harness.images import DLIB, YUNET, Box, iou
from benchmarks.harness.server import serving
from benchmarks.harness.settings import print_settings
from facewire_client import FaceClient
from facewire_server.models.source import EMBEDDED

MIN_IOU = 0.4
SIDES = ("left", "top", "width", "height")


def ground_truth() -> dict[Path, list[Box]]:
    """The boxes of every photo that dlib's two lists name."""
    return {
        DLIB / image.attrib["file"]: [
            (left, top, left + width, top + height)
            for box in image.iter("box")
            if box.get("ignore") != "1"
            for left, top, width, height in [[float(box.attrib[side]) for side in SIDES]]
        ]
        for name in ("training.xml", "testing.xml")
        for image in ElementTree.parse(DLIB / name).iter("image")
    }


def missed(truth: Sequence[Box], detected: Sequence[Box]) -> tuple[list[Box], int]:
    """The faces that were missed, and the false positives; the most confident chooses first."""
    left, false_positives = list(truth), 0
    for found in detected:
        best = max(left, key=lambda box: iou(found, box), default=None)
        if best is not None and iou(found, best) >= MIN_IOU:
            left.remove(best)
        else:
            false_positives += 1
    return left, false_positives


@click.command(help=__doc__)
def main() -> None:
    truth = ground_truth()
    print_settings(photos=len(truth), min_iou=MIN_IOU)
    faces = sum(map(len, truth.values()))
    models = ("--model", EMBEDDED, "--model", str(YUNET / "yunet_n_640_640.onnx"))
    with serving(*models) as server, FaceClient(server.target) as client:
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
