"""Data that is no supported image is described, and never wrongly."""

import base64
import gzip
import json
import zipfile
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from facewire_server.errors import Reason, RequestError
from facewire_server.image.decode import decode
from facewire_server.image.signatures import HEAD, describe
from tests.server.image.samples import LIMITS, case, files, rgb, save

JPEG = save(rgb(), "JPEG")


def _boxes(*brands: bytes) -> bytes:
    """The start of an ISO base media file: its main brand, then the others."""
    names = brands[0] + bytes(4) + b"".join(brands[1:])
    return (len(names) + 8).to_bytes(4, "big") + b"ftyp" + names + bytes(64)


def _zip() -> bytes:
    file = BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("photo.jpg", JPEG)
    return file.getvalue()


def _array() -> bytes:
    file = BytesIO()
    np.save(file, np.zeros((4, 4, 3), np.uint8))
    return file.getvalue()


BASE64 = base64.b64encode(JPEG)

NAMED: list[tuple[bytes, str]] = [
    (_boxes(b"heic", b"mif1", b"heic"), "a HEIC image"),
    (_boxes(b"mif1", b"mif1", b"heic"), "a HEIC image"),
    (_boxes(b"msf1", b"msf1", b"hevc"), "a HEIC image"),
    (_boxes(b"mif1", b"miaf"), "a HEIF image"),
    (_boxes(b"avif", b"mif1", b"miaf"), "an AVIF image"),
    (_boxes(b"mif1", b"miaf", b"avif"), "an AVIF image"),
    (_boxes(b"crx ", b"isom"), "a raw photo of a Canon camera (CR3)"),
    (_boxes(b"isom", b"iso2", b"mp41"), "an MP4 video"),
    (_boxes(b"qt  "), "a QuickTime video (MOV)"),
    (bytes([0, 0, 0, 8]) + b"wide" + bytes(20), "a QuickTime video (MOV)"),
    (save(rgb(), "GIF"), "a GIF image"),
    (save(rgb(), "AVIF"), "an AVIF image"),
    (save(rgb(), "JPEG2000"), "a JPEG 2000 image"),
    (save(rgb(), "JPEG2000", no_jp2=True), "a JPEG 2000 image (codestream)"),
    (save(rgb(), "PPM"), "a PNM image (P6)"),
    (save(rgb().convert("L"), "PPM"), "a PNM image (P5)"),
    (save(rgb(), "TGA"), "a TGA image"),
    (save(rgb().quantize(9), "TGA"), "a TGA image"),
    (save(rgb(), "TGA", compression="tga_rle"), "a TGA image"),
    (save(Image.new("RGB", (32, 32)), "ICO"), "a Windows icon (ICO)"),
    (save(rgb(), "PDF"), "a PDF document"),
    (save(rgb(), "EPS"), "a PostScript document"),
    (save(rgb(), "SGI"), "an SGI image"),
    (save(rgb(), "DDS"), "a DDS texture"),
    (b"\xff\x0a\xfa\x1f" + bytes(20), "a JPEG XL image"),
    (b"\0\0\0\x0cJXL \r\n\x87\n\0\0\0\x14ftypjxl ", "a JPEG XL image"),
    (b"II\xbc\1 \0\0\0" + bytes(9), "a JPEG XR image"),
    (b"8BPS\0\1" + bytes(20), "a Photoshop document (PSD)"),
    (b"v/1\x01\2\0\0\0channels\0", "an OpenEXR image"),
    (b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n", "a Radiance HDR image"),
    (b"FUJIFILMCCD-RAW 0201FF", "a raw photo of a Fujifilm camera (RAF)"),
    (b"IIRO\x08\0\0\0" + bytes(9), "a raw photo of an Olympus camera (ORF)"),
    (b"IIU\0\x18\0\0\0" + bytes(9), "a raw photo of a Panasonic camera (RW2)"),
    (b"\x1a\x45\xdf\xa3\x9fB\x86\x81\1", "a WebM or Matroska video"),
    (b"RIFF\x24\0\0\0AVI LIST", "an AVI video"),
    (gzip.compress(JPEG), "gzip data"),
    (_zip(), "a ZIP archive"),
    (_array(), "a NumPy array: send its pixels as a raw image"),
    (b"\0" * 5000, "nothing but bytes of 0, as of a file that was never written"),
    (b"\xff" * 100, "nothing but bytes of 255, as of a file that was never written"),
    (b"\xff\xd8", "the first bytes of a JPEG image, cut off"),
    (b"\r\n" + JPEG, "a JPEG image behind 2 bytes that do not belong to it"),
    (b"\0\0\0\x2a" + JPEG, "a JPEG image behind 4 bytes that do not belong to it"),
    (JPEG.decode("latin-1").encode(), "a JPEG image that was encoded as text"),
    (
        JPEG.decode(errors="replace").encode(),
        "bytes that were decoded as text, and are lost",
    ),
    (
        files()["png"].replace(b"\r\n", b"\n", 1),
        "a PNG image that was changed on its way, as text is",
    ),
    (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "an SVG drawing"),
    (b'<?xml version="1.0"?>\n<!-- x -->\n<svg/>', "an SVG drawing"),
    (b"\n<!DOCTYPE html><html><body>Not found", "an HTML page"),
    (b"<HTML><HEAD><TITLE>302</TITLE>", "an HTML page"),
    (b'\xef\xbb\xbf<?xml version="1.0"?><Error><Code>NoSuchKey', "an XML document"),
    (b"<Error><Code>AccessDenied</Code></Error>", "an XML document"),
    (b'{"error": "not found"}', "JSON text"),
    (json.dumps({"image": BASE64.decode()}).encode(), "JSON text"),
    (json.dumps(list(JPEG)).encode(), "JSON text"),
    (BASE64, "base64 of a JPEG image: send the bytes"),
    (BASE64[:100], "base64 of a JPEG image: send the bytes"),
    (base64.encodebytes(JPEG), "base64 of a JPEG image: send the bytes"),
    (b'"' + BASE64 + b'"', "base64 of a JPEG image: send the bytes"),
    (base64.urlsafe_b64encode(JPEG), "base64 of a JPEG image: send the bytes"),
    (
        base64.b64encode(files()["png"]),
        "base64 of a PNG image: send the bytes",
    ),
    (
        base64.b64encode(files()["webp"]),
        "base64 of a WebP image: send the bytes",
    ),
    (
        base64.b64encode(_boxes(b"heic", b"mif1", b"heic")),
        "base64 text: send the bytes that it stands for",
    ),
    (JPEG.hex().encode(), "hexadecimal digits of a JPEG image: send the bytes"),
    (JPEG.hex(" ").encode(), "hexadecimal digits of a JPEG image: send the bytes"),
    (repr(JPEG).encode(), "bytes written as text: send the bytes themselves"),
    (
        b"data:image/jpeg;base64," + BASE64,
        "a data: URL: send the bytes that it stands for",
    ),
    (
        b"https://example.org/a.jpg?size=1",
        "a URL: the server fetches nothing, send the bytes",
    ),
    (b"s3://bucket/a.jpg", "a URL: the server fetches nothing, send the bytes"),
    (b"/home/me/photo.jpg\n", "the path of a file: send its bytes"),
    (b"C:\\photos\\me", "the path of a file: send its bytes"),
    (b"photo.jpeg", "the path of a file: send its bytes"),
    ("Übersicht.png".encode(), "the path of a file: send its bytes"),
    (
        b"--x\r\nContent-Disposition: form-data; name=f\r\n\r\n" + JPEG,
        "a multipart form: send the bytes of its file alone",
    ),
    ("photo.jpg".encode("utf-16"), "UTF-16 text"),
    ("photo.jpg".encode("utf-16-le"), "UTF-16 text"),
    ("photo.jpg".encode("utf-16-be"), "UTF-16 text"),
    (b"BMW builds cars and motorcycles", "text"),
    ("Grüße aus Köln".encode(), "text"),
    (b"\1\2\3\4\5", "cut off, at 5 bytes"),
]


@pytest.mark.parametrize(("data", "name"), NAMED)
def test_data_that_is_no_supported_image_is_described(data: bytes, name: str) -> None:
    with pytest.raises(RequestError) as error:
        decode(data, limits=LIMITS)
    assert error.value.reason is Reason.UNSUPPORTED_FORMAT
    assert str(error.value) == (
        f"the image is no JPEG, PNG, WebP, BMP or TIFF file; it seems to be {name}"
    )


def test_noise_is_not_described() -> None:
    random = np.random.default_rng(3)
    names = [
        describe(b"\x07" + random.integers(0, 256, 500, np.uint8).tobytes()) for _ in range(1000)
    ]
    assert names.count(None) > 990


@given(st.binary(min_size=1, max_size=60))
def test_any_bytes_have_a_short_description_or_none(data: bytes) -> None:
    name = describe(data)
    assert name is None or 0 < len(name) < 100


@pytest.mark.parametrize("space", [" ", "\t", "\n", "\r\n", "\f", "\v"])
@pytest.mark.parametrize(("digits", "form"), [(JPEG.hex(), "hex"), (BASE64.decode(), "base64")])
def test_an_image_as_text_is_described_with_any_white_space_in_it(
    digits: str, form: str, space: str
) -> None:
    for width in (1, 2, 18, 31):
        lines = [digits[at : at + width] for at in range(0, len(digits), width)]
        name = describe(space.join(lines).encode())
        assert name is not None
        if width % 2 == 0:  # an odd width splits pairs of digits: any description will do
            assert name.startswith(form)


@given(st.text("0123456789abcdefABCDEF \t\r\n\f\v:,x", min_size=1, max_size=300))
def test_any_mixture_of_digits_has_a_description(digits: str) -> None:
    name = describe(digits.encode())
    assert name is None or 0 < len(name) < 100


@given(st.text(min_size=1, max_size=60))
def test_any_text_has_a_description(words: str) -> None:
    data = words.encode(errors="replace")
    name = describe(data * 20)
    assert name is None or 0 < len(name) < 100


def test_only_the_start_is_read() -> None:
    assert describe(b"words " * HEAD) == describe(b"words " * HEAD + b"\xff" * 9)


def test_an_image_of_a_phone_is_described() -> None:
    with pytest.raises(RequestError, match="HEIC"):
        decode(case("07_heic_header.jpg"), limits=LIMITS)
