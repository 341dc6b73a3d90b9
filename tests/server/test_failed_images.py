"""Images of other people that failed once are answered as they should be."""

from typing import TypeAlias

import grpc
import pytest

from facewire.v1 import detect_pb2 as pb
from facewire.v1.detect_pb2_grpc import DetectServiceStub
from tests.server.image.samples import case
from tests.server.rpc_errors import reason

Box: TypeAlias = tuple[float, float, float, float]

FOUND: dict[str, tuple[tuple[int, int], Box]] = {
    "01_no_eoi_samsung_trailer.jpg": ((512, 512), (175.8, 63.6, 270.5, 173.4)),
    "06_count_too_high.jpg": ((512, 400), (175.8, 63.7, 270.4, 173.4)),
    "06_two_exif_first_empty.jpg": ((512, 400), (175.8, 63.7, 270.4, 173.4)),
    "06_reference_upright.jpg": ((512, 400), (175.8, 63.7, 270.4, 173.4)),
    "14_last_count_full_strip.tif": ((150, 155), (52.0, 19.1, 78.9, 52.3)),
    "14_reference.tif": ((150, 155), (52.0, 19.1, 78.9, 52.3)),
    "15_planar_rgb16.tif": ((128, 120), (44.6, 14.6, 67.5, 40.4)),
    "15_control_planar_rgb8.tif": ((128, 120), (44.6, 14.6, 67.5, 40.4)),
    "17_no_final_padding.bmp": ((127, 128), (44.0, 16.4, 66.8, 43.4)),
    "17_reference.bmp": ((127, 128), (44.0, 16.4, 66.8, 43.4)),
    "E2_icc_twice.jpg": ((512, 512), (175.8, 63.6, 270.5, 173.4)),
}
"""Their sizes, and the face in each."""

REFUSED = {
    "07_heic_header.jpg": ("UNSUPPORTED_FORMAT", "HEIC"),
    "08_lossless_real.jpg": ("UNSUPPORTED_FORMAT", "lossless JPEG"),
    "09_cgbi.png": ("UNSUPPORTED_FORMAT", "CgBI"),
    "16_like_nef.tif": ("UNSUPPORTED_FORMAT", "raw photo"),
    "E3_com_short_and_cut_with_eoi.jpg": ("CORRUPT_IMAGE", "cut off"),
    "E3_control_cut_with_eoi.jpg": ("CORRUPT_IMAGE", "cut off"),
}
"""The reason, and what the message has to name."""


def found(stub: DetectServiceStub, request: pb.DetectRequest) -> tuple[tuple[int, int], list[Box]]:
    answer = stub.Detect(request, timeout=60)
    boxes = [each.box for each in answer.detections]
    rows = [(box.x_min, box.y_min, box.x_max, box.y_max) for box in boxes]
    return (answer.image_width, answer.image_height), rows


def nv12(plane_rows: int) -> pb.DetectRequest:
    """A picture of 116 rows in planes of 128."""
    image = pb.RawImage(
        data=case("13_nv12_128x116_in_128x128.raw"),
        width=128,
        height=116,
        pixel_format=pb.PIXEL_FORMAT_NV12,
        plane_rows=plane_rows,
    )
    return pb.DetectRequest(raw_image=image)


@pytest.mark.parametrize("name", FOUND)
def test_what_has_all_its_pixels_is_read(stub: DetectServiceStub, name: str) -> None:
    expected, box = FOUND[name]
    size, boxes = found(stub, pb.DetectRequest(encoded_image=case(name)))
    assert size == expected
    assert any(each == pytest.approx(box, abs=1) for each in boxes)


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_read_is_refused_by_name(stub: DetectServiceStub, name: str) -> None:
    why, words = REFUSED[name]
    request = pb.DetectRequest(encoded_image=case(name))
    with pytest.raises(grpc.RpcError) as caught:
        stub.Detect(request, timeout=60)
    assert reason(caught.value) == (grpc.StatusCode.INVALID_ARGUMENT, why)
    assert words in str(caught.value.details())


def test_padded_planes_are_read_as_they_are_described(stub: DetectServiceStub) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        stub.Detect(nv12(0), timeout=60)
    assert reason(caught.value)[1] == "BAD_RAW_IMAGE"
    _, boxes = found(stub, nv12(128))
    assert boxes[0] == pytest.approx((44.0, 16.4, 66.9, 43.0), abs=1)
