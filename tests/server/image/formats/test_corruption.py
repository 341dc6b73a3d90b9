"""A failed decoder: the image is corrupt, or there was no memory."""

import subprocess
import sys

import cv2
import numpy as np
import pytest
from PIL import Image

from facewire_server.errors import RequestError
from facewire_server.image.formats.corruption import decode_failure
from tests.server.image.samples import bmp, save

SIDE = 2000


def _large(kind: str) -> bytes:
    """A valid file of SIDE x SIDE pixels, for which a decoder needs 4 to 60 MB."""
    image = Image.new("RGB", (SIDE, SIDE), "teal")
    if kind == "BMP runs":
        runs = (b"\xfa\1" * (SIDE // 250) + b"\0\0") * SIDE + b"\0\1"
        return bmp(SIDE, SIDE, 8, runs, coding=1, palette=bytes(1024))
    if kind == "BMP":
        image = image.quantize(9)  # pixels of 24 bits are used in place
    if kind == "JPEG progressive":
        return save(image, "JPEG", progressive=True)
    if kind == "JPEG of rare sampling":
        options = [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, 0x121111]
        return cv2.imencode(".jpg", np.asarray(image), options)[1].tobytes()
    if kind == "WebP lossless":
        return save(image, "WEBP", lossless=True)
    if kind.startswith("TIFF"):
        return save(image, "TIFF", compression=kind.split()[1], tiffinfo={278: SIDE})
    return save(image, kind)


@pytest.mark.skipif(sys.platform != "linux", reason="needs RLIMIT_AS")
@pytest.mark.parametrize(
    "kind",
    [
        "JPEG",
        "JPEG progressive",
        "JPEG of rare sampling",
        "PNG",
        "WEBP",
        "WebP lossless",
        "BMP",
        "BMP runs",
        "TIFF raw",
        "TIFF tiff_lzw",
        "TIFF zstd",
        "TIFF lzma",
    ],
)
def test_lack_of_memory_does_not_make_an_image_corrupt(kind: str) -> None:
    child = subprocess.run(
        [sys.executable, "-m", "tests.server.image.starved"],
        input=_large(kind),
        capture_output=True,
        check=True,
    )
    outcomes = child.stdout.decode().split()
    assert set(outcomes) == {"MemoryError", f"{SIDE}x{SIDE}"}


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        OSError("decoder error -9"),
        ValueError("Insufficient memory (case 4)"),
        RuntimeError("std::bad_alloc"),
    ],
)
def test_messages_about_memory_are_recognised(error: Exception) -> None:
    assert isinstance(decode_failure("PNG", 1, error), MemoryError)


def test_an_image_is_corrupt_where_there_is_memory_for_it() -> None:
    for error in (None, OSError("decoder error -2"), cv2.error("bad header")):
        assert isinstance(decode_failure("PNG", 1, error), RequestError)


def test_a_failure_without_a_reason_is_lack_of_memory_where_there_is_none() -> None:
    assert isinstance(decode_failure("PNG", 1 << 44), MemoryError)
