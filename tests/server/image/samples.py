"""Images and files for the tests of this folder."""

import struct
import zlib
from functools import cache
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from facewire_server.errors import Reason, RequestError
from facewire_server.image.decode import decode
from facewire_server.image.limits import ImageLimits
from facewire_server.image.picture import Picture, PixelLayout
from facewire_server.image.target import Target
from tests.ext.reference_fit import upright

LIMITS = ImageLimits(1_000_000)
CASES = Path(__file__).parents[4] / "shared" / "cases" / "images"


def smooth(width: int = 61, height: int = 47, channels: int = 3) -> NDArray[np.uint8]:
    """[height,width,channels] without edges, so that lossy formats stay close."""
    rng = np.random.default_rng(width * height)
    coarse = rng.integers(0, 256, (5, 6, channels), dtype=np.uint8)
    large = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(large, np.uint8).reshape(height, width, channels)


def rgb(width: int = 61, height: int = 47) -> Image.Image:
    """A colour image."""
    return Image.fromarray(smooth(width, height))


def rgba() -> Image.Image:
    """A colour image with transparent parts that have colours of their own."""
    return Image.fromarray(smooth(channels=4))


def gray16() -> Image.Image:
    """A grey image of 16 bits a sample, the lower 8 of which are noise."""
    upper = smooth(channels=1)[:, :, 0].astype(np.uint16) << 8
    noise = np.random.default_rng(0).integers(0, 256, upper.shape, dtype=np.uint16)
    return Image.fromarray(upper | noise)


def save(image: Image.Image, kind: str, **options: object) -> bytes:
    """A file of the format that Pillow calls `kind`."""
    file = BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def bgr(image: Image.Image) -> NDArray[np.int64]:
    """The colours of an image, wide enough to be subtracted."""
    return np.asarray(image.convert("RGB"))[:, :, ::-1].astype(np.int64)


_TO_BGR = {
    PixelLayout.RGB: cv2.COLOR_RGB2BGR,
    PixelLayout.GRAY: cv2.COLOR_GRAY2BGR,
    PixelLayout.BGRA: cv2.COLOR_BGRA2BGR,
    PixelLayout.RGBA: cv2.COLOR_RGBA2BGR,
    PixelLayout.NV12: cv2.COLOR_YUV2BGR_NV12,
    PixelLayout.I420: cv2.COLOR_YUV2BGR_I420,
}


def to_bgr(picture: Picture) -> NDArray[np.uint8]:
    """The upright image [H,W,3], as far reduced as the pixels of the picture are."""
    pixels = picture.pixels
    if picture.chroma is not None:
        chroma = np.stack(picture.chroma, 2 if picture.layout is PixelLayout.NV12 else 0)
        pixels = np.vstack([pixels, chroma.reshape(-1, pixels.shape[1])])
    if picture.layout is not PixelLayout.BGR:
        pixels = np.asarray(cv2.cvtColor(pixels, _TO_BGR[picture.layout]), np.uint8)
    return np.ascontiguousarray(upright(pixels, picture.orientation))


def exif(orientation: int) -> Image.Exif:
    """EXIF data as a camera writes it."""
    data = Image.Exif()
    data[0x010F] = "Maker of cameras"
    data[0x0112] = orientation
    return data


def png_chunk(kind: bytes, data: bytes) -> bytes:
    """A chunk of a PNG file with its checksum."""
    checksum = struct.pack(">I", zlib.crc32(kind + data))
    return struct.pack(">I", len(data)) + kind + data + checksum


def bmp(
    width: int,
    height: int,
    bits: int,
    data: bytes,
    *,
    coding: int = 0,
    palette: bytes = b"",
) -> bytes:
    """A BMP file with the usual header of 40 bytes; data are its rows or runs."""
    start = 54 + len(palette)
    file = struct.pack("<2sIII", b"BM", start + len(data), 0, start)
    info = (40, width, height, 1, bits, coding, len(data), 0, 0, len(palette) // 4, 0)
    return file + struct.pack("<IiiHHIIiiII", *info) + palette + data


def case(name: str) -> bytes:
    """A file of ../shared that failed once; skips the test where it is absent."""
    path = CASES / name
    if not path.exists():
        pytest.skip(f"needs {path}")
    return path.read_bytes()


def error_reason(
    data: bytes, limits: ImageLimits = LIMITS, target: Target | None = None
) -> Reason | None:
    """The reason for which a file is refused; None when it is not."""
    try:
        decode(data, limits=limits, target=target)
    except RequestError as error:
        return error.reason
    return None


@cache
def files() -> dict[str, bytes]:
    """One small file for each way to store an image, by name."""
    colour, alpha = rgb(23, 17), Image.fromarray(smooth(23, 17, 4))
    gray, palette = colour.convert("L"), colour.quantize(9)
    lines = smooth(24, 17)[::-1, :, ::-1].tobytes()
    return {
        "jpeg": save(colour, "JPEG"),
        "jpeg progressive": save(colour, "JPEG", progressive=True, exif=exif(6)),
        "jpeg gray": save(gray, "JPEG"),
        "jpeg cmyk": save(colour.convert("CMYK"), "JPEG"),
        "png": save(colour, "PNG", exif=exif(3)),
        "png gray": save(gray, "PNG"),
        "png palette": save(palette, "PNG"),
        "png alpha": save(alpha, "PNG"),
        "webp": save(colour, "WEBP"),
        "webp lossless": save(alpha, "WEBP", lossless=True),
        "webp extended": save(alpha, "WEBP", exif=exif(8)),
        "webp animated": save(colour, "WEBP", save_all=True, append_images=[alpha]),
        "bmp": save(colour, "BMP"),
        "bmp palette": save(palette, "BMP"),
        "bmp bilevel": save(gray.convert("1"), "BMP"),
        "bmp runs": bmp(24, 1, 8, b"\x18\7\0\1", coding=1, palette=bytes(1024)),
        "bmp 32": bmp(18, 17, 32, lines),
        "tiff": save(colour, "TIFF"),
        "tiff lzw": save(palette, "TIFF", compression="tiff_lzw"),
        "tiff deflate": save(gray, "TIFF", compression="tiff_adobe_deflate"),
        "tiff fax": save(gray.convert("1"), "TIFF", compression="group4"),
        "tiff jpeg": save(colour, "TIFF", compression="jpeg"),
        "tiff big": save(alpha, "TIFF", big_tiff=True),
        "tiff 16": save(gray16().crop((0, 0, 23, 17)), "TIFF", exif=exif(5)),
    }
