"""The requests that reach the server, for the images and options of a call."""

from array import array
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest

from facewire.v1 import detect_pb2 as pb
from facewire_client import FaceClient, FaceClientError
from facewire_client.request import Image
from tests.client.fake_server import FakeServer

PIXELS = np.arange(6 * 8 * 4, dtype=np.uint8).reshape(6, 8, 4)


def sent(client: FaceClient, fake: FakeServer, image: Image) -> pb.DetectRequest:
    client.detect(image)
    return fake.requests[-1]


def raw(client: FaceClient, fake: FakeServer, image: Image) -> pb.RawImage:
    fake.answer = lambda request: pb.DetectResponse()
    return sent(client, fake, image).raw_image


def test_a_path_is_read(client: FaceClient, fake: FakeServer, tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(b"a photo")
    assert sent(client, fake, path).encoded_image == b"a photo"
    assert sent(client, fake, str(path)).encoded_image == b"a photo"


@pytest.mark.parametrize(
    "image",
    [
        b"a photo",
        bytearray(b"a photo"),
        memoryview(b"-a photo-")[1:-1],
        memoryview(b"a- -p-h-o-t-o")[::2],
        array("B", b"a photo"),
        np.frombuffer(b"a photo", np.uint8),
    ],
    ids=["bytes", "bytearray", "memoryview", "strided", "array", "numpy"],
)
def test_bytes_of_one_dimension_are_an_image_file(
    client: FaceClient, fake: FakeServer, image: Image
) -> None:
    assert sent(client, fake, image).encoded_image == b"a photo"


@pytest.mark.parametrize(
    ("pixels", "pixel_format"),
    [
        (PIXELS[:, :, :3], pb.PIXEL_FORMAT_BGR),
        (PIXELS, pb.PIXEL_FORMAT_BGRA),
        (PIXELS[:, :, 0], pb.PIXEL_FORMAT_GRAY),
        (PIXELS[:, :, :1], pb.PIXEL_FORMAT_GRAY),
    ],
    ids=["BGR", "BGRA", "grey", "grey with an axis"],
)
@pytest.mark.parametrize(
    "view",
    [
        np.s_[:, :],
        np.s_[1:5, 2:7],
        np.s_[::2, ::3],
        np.s_[::-1, ::-1],
        np.s_[2:3, :],
        np.s_[:, 3:4],
    ],
    ids=["whole", "crop", "every other", "mirrored", "one row", "one column"],
)
def test_an_array_is_sent_as_packed_pixels(
    client: FaceClient,
    fake: FakeServer,
    pixels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]],
    pixel_format: int,
    view: tuple[slice, slice],
) -> None:
    image = pixels[view]
    message = raw(client, fake, image)
    assert (message.height, message.width) == image.shape[:2]
    assert message.pixel_format == pixel_format
    assert message.row_stride == 0
    assert message.data == image.tobytes()


def test_a_crop_of_whole_pixels_is_sent_as_packed_pixels(
    client: FaceClient, fake: FakeServer
) -> None:
    crop = np.ascontiguousarray(PIXELS)[1:5, 2:7]
    assert raw(client, fake, crop).data == crop.tobytes()


def test_an_array_in_fortran_order_is_sent_row_by_row(client: FaceClient, fake: FakeServer) -> None:
    image = np.asfortranarray(PIXELS)
    assert raw(client, fake, image).data == PIXELS.tobytes()


def test_a_raw_image_is_sent_unchanged(client: FaceClient, fake: FakeServer) -> None:
    image = pb.RawImage(data=bytes(24), width=4, height=4, pixel_format=pb.PIXEL_FORMAT_NV12)
    assert raw(client, fake, image) == image


@pytest.mark.parametrize(
    ("image", "what"),
    [
        (PIXELS.astype(np.float32), r"\[6, 8, 4\] and format 'f'"),
        (PIXELS.astype(np.int8), "format 'b'"),
        (PIXELS.astype(bool), "format '?'"),
        (PIXELS.reshape(6, 16, 2), r"shape \[6, 16, 2\]"),
        (PIXELS.reshape(1, 6, 8, 4), r"shape \[1, 6, 8, 4\]"),
        (np.uint8(1).reshape(()), r"shape \[\]"),
    ],
    ids=["float", "signed", "bool", "two channels", "batch", "scalar"],
)
def test_an_array_that_is_no_image_is_refused_with_its_shape_or_format(
    client: FaceClient, fake: FakeServer, image: Image, what: str
) -> None:
    with pytest.raises(FaceClientError, match=what) as caught:
        client.detect(image)
    assert caught.value.code is grpc.StatusCode.INVALID_ARGUMENT
    assert caught.value.reason == "BAD_RAW_IMAGE"
    assert "uint8" in caught.value.message
    assert fake.calls == 0


def test_an_object_that_is_no_image_is_a_type_error(client: FaceClient) -> None:
    image: Any = 3.5
    with pytest.raises(TypeError, match="not float"):
        client.detect(image)


def test_a_file_that_cannot_be_read_is_named(client: FaceClient, tmp_path: Path) -> None:
    with pytest.raises(FaceClientError, match="absent.jpg: No such file") as caught:
        client.detect(tmp_path / "absent.jpg")
    assert caught.value.reason == "UNREADABLE_FILE"


def test_options_that_are_left_out_are_not_sent(client: FaceClient, fake: FakeServer) -> None:
    client.detect(b"x")
    assert fake.requests[-1].model == ""
    assert fake.requests[-1].options == pb.DetectOptions()


def test_options_reach_the_server(client: FaceClient, fake: FakeServer) -> None:
    client.detect(b"x", model="large", min_confidence=0.5, iou_threshold=0.25, max_detections=3)
    options = pb.DetectOptions(min_confidence=0.5, iou_threshold=0.25, max_detections=3)
    assert fake.requests[-1].model == "large"
    assert fake.requests[-1].options == options


@pytest.mark.parametrize(
    ("tiling", "policy"), [(True, pb.TILING_POLICY_ON), (False, pb.TILING_POLICY_OFF)]
)
def test_tiles_are_asked_for_or_not(
    client: FaceClient, fake: FakeServer, tiling: bool, policy: pb.TilingPolicy.ValueType
) -> None:
    client.detect(b"x", tiling=tiling)
    assert fake.requests[-1].options == pb.DetectOptions(tiling=policy)


@pytest.mark.parametrize("name", ["min_confidence", "iou_threshold", "max_detections"])
def test_an_option_of_zero_is_sent(client: FaceClient, fake: FakeServer, name: str) -> None:
    options: Any = {name: 0}
    client.detect(b"x", **options)
    present = fake.requests[-1].options.ListFields()
    assert [field.name for field, _ in present] == [name]


@pytest.mark.parametrize("count", [-1, 1 << 32])
def test_an_option_outside_its_field_type_is_refused(client: FaceClient, count: int) -> None:
    with pytest.raises(FaceClientError, match=str(count)) as caught:
        client.detect(b"x", max_detections=count)
    assert caught.value.reason == "BAD_OPTION"


def test_a_model_name_that_is_no_unicode_is_refused(client: FaceClient) -> None:
    with pytest.raises(FaceClientError) as caught:
        client.detect(b"x", model="\udcff")
    assert caught.value.reason == "BAD_OPTION"
