"""A large photo of small faces: what tiles find more, with models that know no tiles."""

from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from facewire_server.image.limits import ImageLimits
from facewire_server.image.picture import PixelLayout
from facewire_server.image.raw import RawImage
from facewire_server.inference.detector import Detector, Options
from facewire_server.inference.runtime import Runtime
from facewire_server.models.source import EMBEDDED, Source

SHARED = Path(__file__).parents[3] / "shared"
DLIB = SHARED / "faces" / "dlib"
YUNET = SHARED / "models" / "yunet" / "yunet_n_640_640.onnx"
WIDTH, HEIGHT = 3000, 875
MIN_IOU = 0.4
"""Boxes of the photos were drawn by people, and with another idea of a face."""

Box = tuple[float, float, float, float]


def mosaic() -> tuple[RawImage, list[Box]]:
    """The nine photos with labels side by side, in two rows, and all their 43 faces."""
    if not DLIB.is_dir():
        pytest.skip("../shared/faces/dlib is not here")
    canvas = Image.new("RGB", (WIDTH, HEIGHT))
    faces: list[Box] = []
    x, y, bottom = 0, 0, 0
    for photo, labelled in sorted(labels(), key=lambda each: each[0].height):
        if x + photo.width > WIDTH:
            x, y = 0, bottom
        canvas.paste(photo, (x, y))
        faces += [(left + x, top + y, right + x, low + y) for left, top, right, low in labelled]
        x, bottom = x + photo.width, max(bottom, y + photo.height)
    pixels = np.asarray(canvas).tobytes()
    return RawImage(data=pixels, width=WIDTH, height=HEIGHT, layout=PixelLayout.RGB), faces


def labels() -> list[tuple[Image.Image, list[Box]]]:
    """Each photo and the boxes of its faces."""
    found: list[tuple[Image.Image, list[Box]]] = []
    for name in ("training.xml", "testing.xml"):
        for image in ElementTree.parse(DLIB / name).iter("image"):
            boxes = []
            for box in image.iter("box"):
                if box.get("ignore") != "1":
                    side = {key: float(value) for key, value in box.attrib.items() if key in SIDES}
                    left, top, width, height = (side[key] for key in SIDES)
                    boxes.append((left, top, left + width, top + height))
            found.append((Image.open(DLIB / image.attrib["file"]), boxes))
    return found


SIDES = ("left", "top", "width", "height")


def overlap(a: Box, b: Box) -> float:
    """Intersection over union."""
    width = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    height = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (a, b)]
    return width * height / (sum(areas) - width * height)


def score(detector: Detector, image: RawImage, faces: list[Box], tiling: bool) -> tuple[int, int]:
    """How many of the faces are found, and how many boxes are none of them."""
    limits = ImageLimits(WIDTH * HEIGHT)
    found = detector.detect(image, Options(tiling=tiling), limits).found
    left, wrong = list(faces), 0
    for box in found.boxes.tolist():
        best = max(left, key=lambda face: overlap(face, box), default=None)
        if best is not None and overlap(best, box) >= MIN_IOU:
            left.remove(best)
        else:
            wrong += 1
    return len(faces) - len(left), wrong


def count(detector: Detector, image: RawImage) -> int:
    """How many tiles the image is divided into."""
    left: list[int] = []

    def checkpoint(tiles: int) -> bool:
        left.append(tiles)
        return False

    detector.detect(image, Options(tiling=True), ImageLimits(WIDTH * HEIGHT), checkpoint)
    assert left[0] == len(left)
    return len(left)


@pytest.mark.parametrize(
    ("model", "whole", "tiled", "tiles"),
    [(EMBEDDED, (3, 7), (42, 43), 28), (str(YUNET), (30, 36), (42, 43), 13)],
    ids=["embedded", "yunet"],
)
def test_tiles_find_the_small_faces_of_a_large_photo(
    model: str, whole: tuple[int, int], tiled: tuple[int, int], tiles: int
) -> None:
    if model != EMBEDDED and not YUNET.is_file():
        pytest.skip("../shared/models/yunet is not here")
    image, faces = mosaic()
    detector = Detector(Source.find(model), Runtime(inference_precision="f32"))
    seen, _ = score(detector, image, faces, tiling=False)
    assert whole[0] <= seen <= whole[1]
    assert count(detector, image) == tiles
    seen, wrong = score(detector, image, faces, tiling=True)
    assert tiled[0] <= seen <= tiled[1]
    assert wrong <= 10  # of the photos one by one: 1 and 7, some of them faces without a label
