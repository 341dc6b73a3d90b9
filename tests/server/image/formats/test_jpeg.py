"""JPEG files: every colour space and sampling; unsupported processes are named."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from facewire_server.errors import Reason, RequestError
from facewire_server.image.decode import decode
from facewire_server.image.formats.jpeg_markers import MAX_SEGMENTS
from facewire_server.image.limits import ImageLimits
from facewire_server.image.picture import PixelLayout
from facewire_server.image.target import ResizeMode, Target
from tests.server.image.jpeg_faults import (
    END,
    in_front,
    segment,
)
from tests.server.image.jpeg_writer import Factors, flat_jpeg
from tests.server.image.samples import (
    LIMITS,
    bgr,
    case,
    error_reason,
    exif,
    rgb,
    save,
    to_bgr,
)

YCBCR = (100, 150, 90)
YCBCR_AS_BGR = (139, 120, 47)


def _difference_to_pillow(data: bytes) -> int:
    decoded = to_bgr(decode(data, limits=LIMITS))
    with Image.open(BytesIO(data)) as image:
        return int(np.abs(decoded - bgr(image)).max())


@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0"])
@pytest.mark.parametrize("progressive", [False, True])
def test_colour_decodes_as_in_pillow(subsampling: str, progressive: bool) -> None:
    data = save(rgb(), "JPEG", subsampling=subsampling, progressive=progressive)
    assert _difference_to_pillow(data) <= 2


def test_grey_stays_grey_until_it_is_needed() -> None:
    data = save(rgb().convert("L"), "JPEG")
    picture = decode(data, limits=LIMITS)
    assert picture.layout is PixelLayout.GRAY
    assert picture.pixels.shape == (47, 61)
    assert _difference_to_pillow(data) <= 1


@pytest.mark.parametrize("size", [(61, 47), (1, 65_000), (65_000, 9)])
def test_cmyk_decodes_as_in_pillow(size: tuple[int, int]) -> None:
    data = save(rgb(*size).convert("CMYK"), "JPEG")
    assert _difference_to_pillow(data) <= 1


@pytest.mark.parametrize("transform", [None, 0, 2])
def test_cmyk_is_inverted_with_and_without_the_marker_of_adobe(
    transform: int | None,
) -> None:
    colour = (*YCBCR, 200)
    data = flat_jpeg(32, 24, colour, [(1, 1)] * 4, adobe_transform=transform)
    assert _difference_to_pillow(data) <= 1


@pytest.mark.parametrize(
    "factors",
    [
        [(1, 1), (1, 1), (1, 1)],
        [(2, 2), (1, 1), (1, 1)],
        [(4, 2), (1, 1), (1, 1)],
        [(2, 2), (1, 2), (1, 1)],
        [(3, 1), (1, 1), (1, 1)],
        [(1, 4), (1, 1), (1, 1)],
        [(1, 1), (2, 2), (2, 2)],
    ],
)
def test_rare_samplings_decode(factors: Factors) -> None:
    picture = decode(flat_jpeg(64, 48, YCBCR, factors), limits=LIMITS)
    assert np.abs(to_bgr(picture) - np.array(YCBCR_AS_BGR)).max() <= 1


def test_the_limit_holds_for_rare_samplings() -> None:
    data = flat_jpeg(64, 48, YCBCR, [(4, 2), (1, 1), (1, 1)])
    assert error_reason(data, ImageLimits(64 * 48 - 1)) is Reason.IMAGE_TOO_LARGE


@pytest.mark.parametrize("end", [b"", END])
def test_a_rare_sampling_that_is_cut_off_is_corrupt(end: bytes) -> None:
    data = flat_jpeg(64, 48, YCBCR, [(4, 2), (1, 1), (1, 1)])
    reasons = {error_reason(data[:cut] + end) for cut in range(3, len(data) - 2)}
    assert reasons == {Reason.CORRUPT_IMAGE}


def _with_stray_bytes() -> tuple[bytes, bytes]:
    """A valid file, and the same with stray bytes before its last scan."""
    data = save(rgb(), "JPEG", progressive=True)
    scan = data.rindex(b"\xff\xda")
    return data, data[:scan] + b"\0\1\2" + data[scan:]


def test_stray_bytes_between_scans_are_ignored() -> None:
    sound, strayed = _with_stray_bytes()
    decoded = to_bgr(decode(strayed, limits=LIMITS))
    reference = to_bgr(decode(sound, limits=LIMITS))
    assert np.abs(decoded.astype(int) - reference).max() <= 2


def test_stray_bytes_do_not_hide_a_cut() -> None:
    _, strayed = _with_stray_bytes()
    reasons = {error_reason(strayed[:cut]) for cut in range(3, len(strayed) - 2)}
    assert reasons == {Reason.CORRUPT_IMAGE}
    last = strayed.rindex(b"\xff\xda") + 10
    reasons = {error_reason(strayed[:cut] + END) for cut in range(last, len(strayed) - 2)}
    assert reasons == {Reason.CORRUPT_IMAGE}


def _recoded(marker: int, *, height: int | None = None, precision: int = 8) -> bytes:
    """A file whose frame header claims another process."""
    data = bytearray(save(rgb(), "JPEG"))
    frame = data.index(b"\xff\xc0")
    data[frame + 1], data[frame + 4] = marker, precision
    if height is not None:
        data[frame + 5 : frame + 7] = height.to_bytes(2, "big")
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (_recoded(0xC3), r"lossless JPEG \(SOF3\)"),
        (_recoded(0xC5), "hierarchical JPEG"),
        (_recoded(0xC7), "hierarchical, lossless JPEG"),
        (_recoded(0xCB), "lossless JPEG with arithmetic coding"),
        (_recoded(0xCF), "SOF15"),
        (_recoded(0xF7), "JPEG-LS"),
        (_recoded(0xC1, precision=12), "12 bits"),
        (_recoded(0xC2, precision=12), "12 bits"),
        (_recoded(0xC0, height=0), "DNL"),
        (in_front(_recoded(0xC0), segment(0xDE, bytes(8))), "hierarchical JPEG"),
        (flat_jpeg(16, 16, (1, 2), [(1, 1)] * 2), "2 components"),
        (flat_jpeg(16, 16, (1, 2, 3, 4, 5), [(1, 1)] * 5), "5 components"),
    ],
)
def test_an_unsupported_process_is_named(data: bytes, words: str) -> None:
    with pytest.raises(RequestError, match=words) as error:
        decode(data, limits=LIMITS)
    assert error.value.reason is Reason.UNSUPPORTED_FORMAT


def test_a_lossless_photo_is_named() -> None:
    with pytest.raises(RequestError, match="lossless JPEG") as error:
        decode(case("08_lossless_real.jpg"), limits=LIMITS)
    assert error.value.reason is Reason.UNSUPPORTED_FORMAT


def test_a_stretch_of_lost_pixels_is_corrupt() -> None:
    data = save(rgb(300, 200), "JPEG")
    middle = len(data) // 2
    lost = data[:middle] + data[middle + 200 :]
    assert error_reason(lost) is Reason.CORRUPT_IMAGE


def test_more_segments_than_a_message_can_hold_are_refused() -> None:
    data = save(rgb(), "JPEG")
    comment = b"\xff\xfe\0\2"
    assert error_reason(data[:2] + comment * 100 + data[2:]) is None
    flood = data[:2] + comment * MAX_SEGMENTS + data[2:]
    assert error_reason(flood) is Reason.CORRUPT_IMAGE


def test_exif_is_found_behind_other_segments_and_padding() -> None:
    data = save(rgb(), "JPEG", exif=exif(6))
    start = data.index(b"\xff\xe1")
    moved = data[:start] + b"\xff\xfe\0\4ab" + b"\xff\xff\xff" + data[start:]
    assert decode(moved, limits=LIMITS).orientation == 6


def test_exif_behind_the_pixels_is_ignored() -> None:
    data = save(rgb(), "JPEG") + save(rgb(), "JPEG", exif=exif(6))
    assert decode(data, limits=LIMITS).orientation == 1


WHOLE = Target(64, 64, ResizeMode.FIT_TO_WINDOW)


@pytest.mark.parametrize(
    ("size", "reduction"),
    [
        ((512, 512), 8),
        ((511, 300), 4),
        ((515, 300), 8),
        ((256, 256), 4),
        ((128, 20), 2),
        ((127, 99), 1),
        ((30, 30), 1),
    ],
)
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("progressive", [False, True])
def test_an_image_is_decoded_only_as_large_as_the_target_needs(
    size: tuple[int, int], reduction: int, mode: str, progressive: bool
) -> None:
    data = save(rgb(*size).convert(mode), "JPEG", progressive=progressive)
    picture = decode(data, limits=LIMITS, target=WHOLE)
    assert picture.reduction == reduction
    assert (picture.width, picture.height) == size
    rows, columns = picture.pixels.shape[:2]
    assert columns == -(-size[0] // reduction)
    assert rows == -(-size[1] // reduction)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_upright_size_of_a_rotated_photo_decides_its_reduction(orientation: int) -> None:
    data = save(rgb(512, 256), "JPEG", exif=exif(orientation))
    narrow = Target(512, 64, ResizeMode.STANDARD)
    picture = decode(data, limits=LIMITS, target=narrow)
    # Upright it is 512 x 256, drawn 512 wide, or 256 x 512, drawn larger.
    assert picture.reduction == 1
    tall = Target(64, 128, ResizeMode.STANDARD)
    picture = decode(data, limits=LIMITS, target=tall)
    assert picture.reduction == (4 if orientation >= 5 else 2)


def test_a_reduced_photo_that_is_cut_off_is_refused() -> None:
    data = save(rgb(512, 512), "JPEG")
    reason = error_reason(data[: len(data) * 2 // 3], target=WHOLE)
    assert reason is Reason.CORRUPT_IMAGE
