"""Detection in tiles, without a server: the places of what is found, and the checkpoint."""

from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image as Pillow

from facewire_server.errors import Reason, RequestError
from facewire_server.image.decode import EncodedImage, Image
from facewire_server.image.limits import ImageLimits
from facewire_server.image.picture import PixelLayout
from facewire_server.image.raw import RawImage
from facewire_server.inference.detector import Detector, Options
from facewire_server.inference.runtime import Runtime
from facewire_server.models.source import EMBEDDED, Source
from tests.server.constant_model import write_constant_model
from tests.server.image.samples import exif, save

LIMITS = ImageLimits(4_000_000)
TILED, WHOLE = Options(tiling=True), Options(tiling=False)


def constant(
    folder: Path, metadata: Mapping[str, str] | None = None, tiles: bool | None = None
) -> Detector:
    """Finds a box from 16, 16 to 48, 32 in each picture of 64 x 64."""
    rows = [(16, 16, 48, 32, 0.9, 0)]
    path = write_constant_model(folder / "constant.xml", rows, metadata or {})
    return Detector(Source.find(str(path)), Runtime(tiles=tiles))


@pytest.fixture(scope="module")
def embedded() -> Detector:
    return Detector(Source.find(EMBEDDED), Runtime(inference_precision="f32"))


def black(width: int, height: int) -> RawImage:
    return RawImage(data=bytes(width * height), width=width, height=height, layout=PixelLayout.GRAY)


def boxes(detector: Detector, image: Image, options: Options = TILED) -> list[list[float]]:
    return sorted(detector.detect(image, options, LIMITS).found.boxes.tolist())


def test_boxes_are_where_their_tiles_lie(tmp_path: Path) -> None:
    detector = constant(tmp_path)
    # The whole picture, stretched to the input, and two tiles: from 0 and from 36 on.
    assert boxes(detector, black(100, 64)) == [[16, 16, 48, 32], [25, 16, 75, 32], [52, 16, 84, 32]]
    assert boxes(detector, black(100, 64), WHOLE) == [[25, 16, 75, 32]]


def test_what_several_tiles_find_is_merged_by_the_iou_threshold(tmp_path: Path) -> None:
    detector = constant(tmp_path)
    image = black(72, 64)  # tiles from 0 and from 8 on, and the whole: from 18 to 54
    assert boxes(detector, image) == [[18, 16, 54, 32]]
    strict = Options(tiling=True, iou_threshold=1.0)
    assert boxes(detector, image, strict) == [[16, 16, 48, 32], [18, 16, 54, 32], [24, 16, 56, 32]]
    best = Options(tiling=True, iou_threshold=1.0, max_detections=2)
    assert len(boxes(detector, image, best)) == 2


def test_a_model_trained_on_tiles_says_which(tmp_path: Path) -> None:
    tiles = {"tile_size": "40", "tiles_overlap": "0", "tile_with_full_img": "False"}
    detector = constant(tmp_path, {**tiles, "max_pred_number": "3"})
    image = black(80, 80)
    assert len(boxes(detector, image, Options())) == 3
    assert boxes(detector, image, Options(max_detections=9)) == [
        [10, 10, 30, 20],
        [10, 50, 30, 60],
        [50, 10, 70, 20],
        [50, 50, 70, 60],
    ]
    assert boxes(detector, image, WHOLE) == [[20, 20, 60, 40]]


@pytest.mark.parametrize("default", [False, True])
@pytest.mark.parametrize("metadata", [{}, {"tile_size": "64", "tiles_overlap": "0"}])
def test_the_server_decides_where_the_request_does_not(
    tmp_path: Path, metadata: dict[str, str], default: bool
) -> None:
    detector = constant(tmp_path, metadata, default)
    image = black(128, 64)
    assert (len(boxes(detector, image, Options())) > 1) == default
    assert len(boxes(detector, image, TILED)) > 1
    assert len(boxes(detector, image, WHOLE)) == 1


def test_the_checkpoint_is_asked_before_each_tile_and_may_stop_it(tmp_path: Path) -> None:
    detector = constant(tmp_path)
    left: list[int] = []

    def checkpoint(tiles: int) -> bool:
        left.append(tiles)
        if tiles == 2:
            raise TimeoutError
        return False

    with pytest.raises(TimeoutError):
        detector.detect(black(200, 64), TILED, LIMITS, checkpoint)
    assert left == [5, 4, 3, 2]


@pytest.mark.parametrize("encoded", [False, True])
def test_too_many_tiles_are_refused_before_a_pixel_is_decoded(
    tmp_path: Path, encoded: bool
) -> None:
    detector = constant(tmp_path)
    limits = ImageLimits(4_000_000, tiles=4)
    image: Image = black(200, 64)
    if encoded:
        file = cv2.imencode(".png", np.zeros((64, 200, 3), np.uint8))[1].tobytes()
        image = EncodedImage(file[:60])
    with pytest.raises(RequestError, match="5 tiles of 64 x 64") as caught:
        detector.detect(image, TILED, limits)
    assert caught.value.reason is Reason.IMAGE_TOO_LARGE
    if not encoded:
        detector.detect(image, WHOLE, limits)


def large(photo: bytes) -> NDArray[np.uint8]:
    """A face in a picture [900,1200,3] of noise, much larger than the input."""
    pixels = np.random.default_rng(2).integers(100, 140, (900, 1200, 3), dtype=np.uint8)
    face = Pillow.open(BytesIO(photo)).resize((256, 256))
    pixels[300:556, 810:1066] = np.asarray(face)[:, :, ::-1]
    return pixels


def raw(pixels: NDArray[np.uint8]) -> RawImage:
    height, width = pixels.shape[:2]
    return RawImage(data=pixels.tobytes(), width=width, height=height, layout=PixelLayout.BGR)


def assert_same(one: list[list[float]], other: list[list[float]], tolerance: float) -> None:
    assert len(one) == len(other) > 0
    np.testing.assert_allclose(one, other, atol=tolerance)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_rotated_before_it_is_divided(
    embedded: Detector, photo: bytes, orientation: int
) -> None:
    stored = Pillow.fromarray(large(photo)[:, :, ::-1])
    turns = (None, 0, 3, 1, 5, 2, 6, 4)[orientation - 1]  # Pillow's, to what is stored
    if turns is not None:
        stored = stored.transpose(Pillow.Transpose(turns))
    image = EncodedImage(save(stored, "PNG", exif=exif(orientation)))
    assert_same(boxes(embedded, image), boxes(embedded, raw(large(photo))), 0.01)


def test_rows_of_a_stride_are_divided_without_their_padding(
    embedded: Detector, photo: bytes
) -> None:
    pixels = large(photo)
    padded = np.full((900, 1300, 3), 255, np.uint8)
    padded[:, :1200] = pixels
    image = RawImage(
        data=padded.tobytes(), width=1200, height=900, layout=PixelLayout.BGR, row_stride=3900
    )
    assert boxes(embedded, image) == boxes(embedded, raw(pixels))


def test_video_is_divided_as_the_pixels_that_it_stands_for(
    embedded: Detector, photo: bytes
) -> None:
    i420 = cv2.cvtColor(large(photo), cv2.COLOR_BGR2YUV_I420)
    pixels = np.asarray(cv2.cvtColor(i420, cv2.COLOR_YUV2BGR_I420), np.uint8)
    image = RawImage(data=i420.tobytes(), width=1200, height=900, layout=PixelLayout.I420)
    assert_same(boxes(embedded, image), boxes(embedded, raw(pixels)), 4.0)
