"""Messages to values: what is taken over of an image, and what is refused at once."""

import pytest

from facewire.v1 import detect_pb2 as pb
from facewire_server.errors import Reason, RequestError
from facewire_server.image.decode import EncodedImage
from facewire_server.image.picture import PixelLayout
from facewire_server.image.raw import RawImage
from facewire_server.inference.detector import Options
from facewire_server.rpc import converters


@pytest.mark.parametrize("reducible", [False, True])
def test_an_encoded_image_is_its_bytes(reducible: bool) -> None:
    request = pb.DetectRequest(encoded_image=b"a file")
    assert converters.image(request, None, reducible=reducible) == EncodedImage(
        b"a file", reducible
    )


def test_every_field_of_a_raw_image_is_taken_over() -> None:
    raw = pb.RawImage(
        data=b"pixels",
        width=4,
        height=2,
        row_stride=8,
        pixel_format=pb.PIXEL_FORMAT_NV12,
        plane_rows=6,
    )
    assert converters.image(pb.DetectRequest(raw_image=raw), None, reducible=True) == RawImage(
        data=b"pixels", width=4, height=2, layout=PixelLayout.NV12, row_stride=8, plane_rows=6
    )


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (pb.DetectRequest(), Reason.EMPTY_IMAGE),
        (pb.DetectRequest(encoded_image=b""), Reason.EMPTY_IMAGE),
        # It has no format either, and the order is that of the .proto.
        (pb.DetectRequest(raw_image=pb.RawImage()), Reason.EMPTY_IMAGE),
        (pb.DetectRequest(raw_image=pb.RawImage(data=b"1")), Reason.BAD_RAW_IMAGE),
        (
            pb.DetectRequest(raw_image=pb.RawImage(data=b"1", pixel_format=99)),  # type: ignore[arg-type]
            Reason.BAD_RAW_IMAGE,
        ),
    ],
)
def test_what_the_message_alone_shows_is_refused_at_once(
    request_: pb.DetectRequest, reason: Reason
) -> None:
    with pytest.raises(RequestError) as caught:
        converters.image(request_, None, reducible=True)
    assert caught.value.reason is reason


def test_an_option_that_is_not_given_is_none_and_zero_is_given() -> None:
    assert converters.options(pb.DetectOptions()) == Options()
    options = converters.options(pb.DetectOptions(min_confidence=0, max_detections=3))
    assert (options.min_confidence, options.iou_threshold, options.max_detections) == (0, None, 3)


@pytest.mark.parametrize(
    ("policy", "tiling"),
    [
        (pb.TILING_POLICY_UNSPECIFIED, None),
        (pb.TILING_POLICY_OFF, False),
        (pb.TILING_POLICY_ON, True),
    ],
)
def test_a_tiling_policy_is_taken_over(
    policy: pb.TilingPolicy.ValueType, tiling: bool | None
) -> None:
    assert converters.options(pb.DetectOptions(tiling=policy)).tiling is tiling


def test_an_unknown_tiling_policy_is_refused() -> None:
    with pytest.raises(RequestError, match="7 is no tiling policy") as caught:
        converters.options(pb.DetectOptions(tiling=7))  # type: ignore[arg-type]
    assert caught.value.reason is Reason.BAD_OPTION
