"""The EXIF orientation in all formats, against Pillow; broken EXIF says nothing."""

import struct
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from facewire_server.image.encoded import decode
from facewire_server.image.orientation import read_orientation
from tests.server.image.samples import LIMITS, bgr, exif, rgb, save
from tests.server.image.tiff_writer import tiff

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
    assert np.abs(picture.to_bgr() - upright).max() <= tolerance


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_grey_images_come_out_upright(orientation: int) -> None:
    data = save(rgb().convert("L"), "PNG", exif=exif(orientation))
    with Image.open(BytesIO(data)) as image:
        upright = bgr(ImageOps.exif_transpose(image))
    decoded = decode(data, limits=LIMITS).to_bgr()
    assert np.array_equal(decoded, upright)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", ["B", "H", "L"])
@pytest.mark.parametrize("prefix", [b"", b"Exif\0\0"])
def test_the_orientation_is_read(order: str, kind: str, prefix: bytes) -> None:
    assert read_orientation(prefix + _blob(order, kind)) == 6


def test_the_rest_of_the_directory_may_be_missing() -> None:
    blob = _blob(">")
    assert read_orientation(blob[:-4]) == 6


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
        _blob(">", values=(6, 6)),
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
