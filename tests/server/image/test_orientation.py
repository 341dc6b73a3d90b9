"""The EXIF orientation: in all formats as in Pillow, and in broken EXIF data."""

import struct
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from facewire_server.image.decode import decode
from facewire_server.image.orientation import read_orientation
from tests.server.image.samples import LIMITS, bgr, case, exif, png_chunk, rgb, save, to_bgr
from tests.server.image.tiff_writer import Tags, tiff

ORIENTATIONS = range(1, 9)


def _blob(order: str, kind: str = "H", values: tuple[int, ...] = (6,)) -> bytes:
    return tiff({0x0112: (kind, list(values))}, order=order)


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize(
    ("kind", "options", "tolerance"),
    [
        ("JPEG", {"subsampling": "4:4:4"}, 2),
        ("PNG", {}, 0),
        ("WEBP", {"lossless": True}, 0),
        ("TIFF", {}, 0),
        ("TIFF", {"compression": "tiff_lzw"}, 0),
    ],
)
def test_images_come_out_upright(
    kind: str, options: dict[str, object], tolerance: int, orientation: int
) -> None:
    data = save(rgb(), kind, exif=exif(orientation), **options)
    picture = decode(data, limits=LIMITS)
    with Image.open(BytesIO(data)) as image:
        upright = bgr(ImageOps.exif_transpose(image))
    assert (picture.height, picture.width) == upright.shape[:2]
    assert np.abs(to_bgr(picture) - upright).max() <= tolerance


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_grey_images_come_out_upright(orientation: int) -> None:
    data = save(rgb().convert("L"), "PNG", exif=exif(orientation))
    with Image.open(BytesIO(data)) as image:
        upright = bgr(ImageOps.exif_transpose(image))
    decoded = to_bgr(decode(data, limits=LIMITS))
    assert np.array_equal(decoded, upright)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", ["B", "H", "L"])
@pytest.mark.parametrize("prefix", [b"", b"Exif\0\0"])
def test_the_orientation_is_read(order: str, kind: str, prefix: bytes) -> None:
    assert read_orientation(prefix + _blob(order, kind)) == 6


def test_the_rest_of_the_ifd_may_be_missing() -> None:
    blob = _blob(">")
    assert read_orientation(blob[:-4]) == 6


def _camera(order: str = ">") -> bytes:
    """EXIF data with entries before and behind the orientation."""
    return tiff(
        {
            0x0100: ("H", [4000]),
            0x0112: ("H", [6]),
            0x011A: ("B", [9] * 8),
            0x0128: ("H", [2]),
        },
        order=order,
    )


def _claiming(blob: bytes, order: str, count: int) -> bytes:
    """EXIF data whose IFD claims `count` entries."""
    return blob[:8] + struct.pack(order + "H", count) + blob[10:]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("count", [5, 6, 500, 1001, 0xFFFF])
def test_the_orientation_is_read_where_the_count_is_too_high(order: str, count: int) -> None:
    assert read_orientation(_claiming(_camera(order), order, count)) == 6


@pytest.mark.parametrize("order", ["<", ">"])
def test_the_orientation_is_read_where_the_ifd_is_cut_off_behind_it(order: str) -> None:
    blob = _camera(order)
    end = blob.index(struct.pack(order + "H", 0x0112)) + 10
    assert {read_orientation(blob[:cut]) for cut in range(end, len(blob))} == {6}
    assert {read_orientation(blob[:cut]) for cut in range(end)} == {1}


@pytest.mark.parametrize("entries", [1001, 5000])
def test_the_orientation_is_read_behind_thousands_of_entries(entries: int) -> None:
    tags: Tags = {tag: ("H", [6 if tag == 0x0112 else 9]) for tag in range(entries)}
    assert read_orientation(tiff(tags)) == 6


@pytest.mark.parametrize("values", [(6, 6), (6, 3), (6, 0, 0, 0, 0)])
def test_the_first_of_several_values_counts(values: tuple[int, ...]) -> None:
    assert read_orientation(_blob("<", values=values)) == 6
    assert read_orientation(_blob(">", values=values)) == 6


def test_the_ifd_may_begin_anywhere() -> None:
    blob = _blob(">")
    moved = blob[:4] + struct.pack(">L", 13) + b"other" + blob[8:]
    assert read_orientation(moved) == 6


@pytest.mark.parametrize(
    "first",
    [
        b"",
        b"Exif\0\0",
        b"Exif\0\0MM\0*\xff\xff\xff\xff",
        b"Exif\0\0" + tiff({0x0100: ("H", [6])}),
        b"Exif\0\0" + _blob("<", values=(0,)),
        b"Exif\0\0" + _blob("<", values=(9,)),
    ],
)
def test_the_first_exif_data_that_has_an_orientation_counts(first: bytes) -> None:
    others = _blob(">"), _blob(">", values=(3,))
    assert read_orientation(first, *others) == 6


def _app1(exif_data: bytes) -> bytes:
    return b"\xff\xe1" + struct.pack(">H", len(exif_data) + 2) + exif_data


@pytest.mark.parametrize(
    "segments",
    [
        [b"Exif\0\0", b"Exif\0\0" + _camera()],
        [b"http://ns.adobe.com/xap/1.0/\0<x/>", b"Exif\0\0" + _camera()],
        [b"Exif\0\0" + tiff({0x0100: ("H", [1])}), b"Exif\0\0" + _camera()],
        [b"Exif\0\0" + _claiming(_camera(), ">", 3000)],
        [b"Exif\0\0" + _camera()[:36]],
    ],
    ids=["empty first", "xmp first", "none in the first", "count", "cut"],
)
def test_a_photo_is_upright_with_other_data_around_its_orientation(
    segments: list[bytes],
) -> None:
    data = save(rgb(), "JPEG")
    photo = data[:2] + b"".join(map(_app1, segments)) + data[2:]
    picture = decode(photo, limits=LIMITS)
    assert (picture.width, picture.height) == (47, 61)


@pytest.mark.parametrize("name", ["06_count_too_high.jpg", "06_two_exif_first_empty.jpg"])
def test_photos_of_editors_are_upright(name: str) -> None:
    picture = decode(case(name), limits=LIMITS)
    assert (picture.width, picture.height, picture.orientation) == (512, 400, 6)


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
@pytest.mark.parametrize("prefix", [b"", b"Exif\0\0"])
def test_an_ifd_that_is_cut_off_counts_in_other_formats(kind: str, prefix: bytes) -> None:
    data = save(rgb(), kind, exif=prefix + _claiming(_camera(), ">", 3000))
    assert decode(data, limits=LIMITS).orientation == 6


def test_an_orientation_in_xmp_or_in_text_does_not_count() -> None:
    xmp = b"http://ns.adobe.com/xap/1.0/\0" + (
        b'<x:xmpmeta><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
    )
    data = save(rgb(), "JPEG")
    photo = data[:2] + _app1(xmp) + data[2:]
    assert decode(photo, limits=LIMITS).orientation == 1
    blob = b"Exif\0\0" + _camera()
    profile = b"\nexif\n%8d\n" % len(blob) + blob.hex().encode() + b"\n"
    drawing = save(rgb(), "PNG")
    chunk = png_chunk(b"tEXt", b"Raw profile type exif\0" + profile)
    drawing = drawing[:33] + chunk + drawing[33:]
    assert decode(drawing, limits=LIMITS).orientation == 1


@pytest.mark.parametrize(
    "blob",
    [
        b"",
        b"Exif\0\0",
        b"MM",
        b"MM\0*\0\0\0\x08",
        b"MM\0*\xff\xff\xff\xff",
        b"II*\0\x08\0\0\0\xff\xff",
        _blob(">")[:-8],
        _blob(">", values=(0,)),
        _blob(">", values=(9,)),
        _blob(">", values=()),
        struct.pack(">2sHLHHHLL", b"MM", 42, 8, 1, 0x0112, 2, 9, 0xFFFFFFF0),
        struct.pack("<2sHLHHHLL", b"II", 42, 8, 1, 0x0112, 3, 0xFFFFFFFF, 8),
    ],
)
def test_broken_exif_means_upright(blob: bytes) -> None:
    assert read_orientation(blob) == 1


@given(
    st.binary(max_size=60),
    st.sampled_from([b"", b"II*\0", b"MM\0*\0\0\0\x08", b"II+\0"]),
)
def test_any_bytes_have_an_orientation(noise: bytes, start: bytes) -> None:
    assert read_orientation(start + noise) in ORIENTATIONS


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_broken_exif_does_not_fail_an_image(kind: str) -> None:
    data = save(rgb(), kind, exif=b"Exif\0\0MM\0*\xff\xff\xff\xff")
    picture = decode(data, limits=LIMITS)
    assert (picture.width, picture.height) == (61, 47)
