"""Files of all formats: recognised, refused when cut off or too large."""

import struct
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facewire_server.errors import Reason
from facewire_server.image.decode import decode
from facewire_server.image.limits import ImageLimits
from tests.server.image.samples import LIMITS, bmp, error_reason, files, png_chunk, to_bgr
from tests.server.image.tiff_writer import gray_tags, tiff

SIDE = 60_000


@pytest.mark.parametrize("name", files())
def test_every_sample_decodes(name: str) -> None:
    picture = decode(files()[name], limits=LIMITS)
    assert to_bgr(picture).shape == (picture.height, picture.width, 3)


def test_no_bytes_are_an_empty_image() -> None:
    assert error_reason(b"") is Reason.EMPTY_IMAGE


@pytest.mark.parametrize(
    "data",
    [
        b"GIF89a\1\0\1\0\0\0\0;",
        b"%PDF-1.7",
        b"RIFF\0\0\0\0WAVEfmt ",
        b"BMW builds cars and motorcycles",
        b"\0\0\0\x20ftypavif",
        b"\xff\xd8",
        b"\0" * 100,
    ],
)
def test_data_that_starts_as_no_supported_format_is_unsupported(data: bytes) -> None:
    assert error_reason(data) is Reason.UNSUPPORTED_FORMAT


# A warning of Pillow must not be the reason of a error_reason: the server ignores them.
@pytest.mark.filterwarnings("ignore:::PIL")
@pytest.mark.parametrize("name", files())
def test_a_file_cut_off_anywhere_is_corrupt_or_has_all_its_pixels(name: str) -> None:
    data = files()[name]
    whole = decode(data, limits=LIMITS)
    reasons = []
    for cut in range(12, len(data)):
        reasons.append(error_reason(data[:cut]))
        if reasons[-1] is None:
            pixels = decode(data[:cut], limits=LIMITS).pixels
            assert np.array_equal(pixels, whole.pixels)
    assert set(reasons) <= {Reason.CORRUPT_IMAGE, None}
    assert reasons[: len(data) // 3 - 12].count(None) == 0


@pytest.mark.parametrize("name", files())
def test_bytes_after_the_end_do_not_matter(name: str) -> None:
    assert error_reason(files()[name] + b"\0" * 100) is None


@pytest.mark.parametrize("name", files())
def test_the_limit_counts_the_pixels_of_the_image(name: str) -> None:
    picture = decode(files()[name], limits=LIMITS)
    pixels = picture.width * picture.height
    assert error_reason(files()[name], ImageLimits(pixels)) is None
    assert error_reason(files()[name], ImageLimits(pixels - 1)) is Reason.IMAGE_TOO_LARGE


def _jpeg_claim() -> bytes:
    data = bytearray(files()["jpeg"])
    struct.pack_into(">HH", data, data.index(b"\xff\xc0") + 5, SIDE, SIDE)
    return bytes(data)


def _png_claim() -> bytes:
    header = struct.pack(">IIBBBBB", SIDE, SIDE, 8, 2, 0, 0, 0)
    chunks = (b"IHDR", header), (b"IDAT", b""), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(*chunk) for chunk in chunks)


def _webp_claim(name: str, offset: int, sides: bytes) -> bytes:
    data = files()[name]
    return data[:offset] + sides + data[offset + len(sides) :]


CLAIMS: dict[str, Callable[[], bytes]] = {
    "jpeg": _jpeg_claim,
    "png": _png_claim,
    "webp": lambda: _webp_claim("webp", 26, b"\xff\x3f\xff\x3f"),
    "webp lossless": lambda: _webp_claim("webp lossless", 21, b"\xff\xff\xff\x0f"),
    "webp extended": lambda: _webp_claim("webp extended", 24, b"\x5f\xea\0" * 2),
    "bmp": lambda: bmp(SIDE, -SIDE, 24, b""),
    "bmp runs": lambda: bmp(SIDE, SIDE, 8, b"\0\1", coding=1, palette=bytes(1024)),
    "tiff": lambda: tiff(gray_tags(SIDE, SIDE)),
    "tiff motorola": lambda: tiff(gray_tags(SIDE, SIDE), order=">"),
    "tiff big": lambda: tiff(gray_tags(SIDE, SIDE), big=True),
}


@pytest.mark.parametrize("name", CLAIMS)
def test_a_header_that_claims_too_much_is_refused_without_memory(name: str) -> None:
    data = CLAIMS[name]()
    tracemalloc.start()
    try:
        refused = error_reason(data, ImageLimits(64_000_000))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert refused is Reason.IMAGE_TOO_LARGE
    assert peak < 1_000_000


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_a_damaged_file_decodes_or_is_refused(data: st.DataObject) -> None:
    file = bytearray(data.draw(st.sampled_from(sorted(files().values()))))
    for _ in range(data.draw(st.integers(1, 6))):
        offset = data.draw(st.integers(0, len(file) - 1))
        file[offset : offset + data.draw(st.integers(0, 4))] = data.draw(st.binary(max_size=4))
        file = file or bytearray(1)
    if error_reason(bytes(file)) is None:
        picture = decode(bytes(file), limits=LIMITS)
        assert to_bgr(picture).shape == (picture.height, picture.width, 3)


@given(st.sampled_from(sorted(data[:18] for data in files().values())), st.binary())
def test_noise_behind_the_first_bytes_is_refused(start: bytes, noise: bytes) -> None:
    assert error_reason(start + noise) in (
        Reason.CORRUPT_IMAGE,
        Reason.IMAGE_TOO_LARGE,
        Reason.UNSUPPORTED_FORMAT,
    )


def test_threads_do_not_disturb_each_other() -> None:
    names = list(files()) * 5
    alone = {name: decode(files()[name], limits=LIMITS) for name in files()}
    with ThreadPoolExecutor(8) as threads:
        together = threads.map(lambda name: decode(files()[name], limits=LIMITS), names)
        for name, picture in zip(names, together, strict=True):
            assert np.array_equal(to_bgr(picture), to_bgr(alone[name]))


def _resident_bytes() -> int:
    return int(psutil.Process().memory_info().rss)


def test_a_thousand_bad_images_leak_no_memory() -> None:
    bad = [data[: len(data) // 3] for data in files().values()]
    bad += [claim() for claim in CLAIMS.values()]
    for data in bad * 3:
        assert error_reason(data) is not None
    before = _resident_bytes()
    for data in bad * (1000 // len(bad) + 1):
        assert error_reason(data) is not None
    assert _resident_bytes() - before < 8_000_000
