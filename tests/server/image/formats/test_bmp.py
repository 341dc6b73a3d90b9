"""BMP files: every depth, both directions, runs."""

import struct

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from facewire_server.errors import Reason
from facewire_server.image.decode import decode
from tests.server.image.bmp_writer import BmpLayout
from tests.server.image.samples import LIMITS, bgr, bmp, error_reason, rgb, save, smooth, to_bgr

PALETTE = np.random.default_rng(3).integers(0, 256, (256, 4), dtype=np.uint8)
PALETTE[:, 3] = 0


def _rows(samples: NDArray[np.uint8]) -> bytes:
    """The rows from the bottom, each padded to a multiple of 4 bytes."""
    rows = (row.tobytes() for row in samples[::-1])
    return b"".join(row + bytes(-len(row) % 4) for row in rows)


@pytest.mark.parametrize(
    "image",
    [rgb(), rgb().convert("L"), rgb().convert("1"), rgb().quantize(200)],
    ids=lambda image: str(image.mode),
)
def test_the_colours_come_out_as_stored(image: Image.Image) -> None:
    decoded = to_bgr(decode(save(image, "BMP"), limits=LIMITS))
    assert np.array_equal(decoded, bgr(image))


def test_rows_from_the_top_are_not_flipped() -> None:
    colour = smooth(24, 17)
    data = bmp(24, -17, 24, _rows(colour[::-1]))
    assert np.array_equal(to_bgr(decode(data, limits=LIMITS)), colour)


def test_the_fourth_byte_of_32_bits_is_ignored() -> None:
    samples = smooth(23, 17, 4)
    data = bmp(23, 17, 32, _rows(samples))
    decoded = to_bgr(decode(data, limits=LIMITS))
    assert np.array_equal(decoded, samples[:, :, :3])


def test_the_oldest_header_is_read() -> None:
    colour = smooth(24, 17)
    header = struct.pack("<2sIII", b"BM", 0, 0, 26)
    header += struct.pack("<IHHHH", 12, 24, 17, 1, 24)
    decoded = to_bgr(decode(header + _rows(colour), limits=LIMITS))
    assert np.array_equal(decoded, colour)


@pytest.mark.parametrize(("bits", "coding", "factor"), [(8, 1, 1), (4, 2, 17)])
def test_runs_decode(bits: int, coding: int, factor: int) -> None:
    numbers = np.repeat(np.random.default_rng(4).integers(0, 16, (9, 5)), 3, axis=1)
    runs = b""
    for row in numbers[::-1, ::3]:
        runs += b"".join(bytes([3, number * factor]) for number in row) + b"\0\0"
    palette = PALETTE[: 1 << bits].tobytes()
    data = bmp(15, 9, bits, runs + b"\0\1", coding=coding, palette=palette)
    decoded = to_bgr(decode(data, limits=LIMITS))
    assert np.array_equal(decoded, PALETTE[numbers, :3])


@pytest.mark.parametrize("width", [0, -5])
def test_a_width_under_one_is_corrupt(width: int) -> None:
    assert error_reason(bmp(width, 5, 24, bytes(1000))) is Reason.CORRUPT_IMAGE


def test_an_unknown_coding_is_unsupported() -> None:
    data = bmp(4, 4, 24, bytes(1000), coding=5)
    assert error_reason(data) is Reason.UNSUPPORTED_FORMAT


@pytest.mark.parametrize("end", [b"\0\1", b"\0\0", b""])
@pytest.mark.parametrize("header", [40, 64, 124])
@pytest.mark.parametrize("size", [0, 10, 2**31])
@pytest.mark.parametrize("start", [None, 0])
def test_runs_decode_with_wrong_sizes_in_the_header(
    end: bytes, header: int, size: int, start: int | None
) -> None:
    numbers = np.repeat(np.random.default_rng(4).integers(0, 256, (9, 5)), 3, axis=1)
    runs = b"\0\0".join(
        b"".join(bytes([3, number]) for number in row) for row in numbers[::-1, ::3]
    )
    layout = BmpLayout(
        8,
        header,
        1,
        palette=PALETTE[:, :3],
        claimed_size=size,
        claimed_start=start,
    )
    decoded = to_bgr(decode(layout.around(runs + end, 15, 9), limits=LIMITS))
    assert np.array_equal(decoded, PALETTE[numbers, :3])


def test_runs_that_are_cut_off_are_corrupt() -> None:
    layout = BmpLayout(8, 40, 1, palette=PALETTE[:, :3])
    data = layout.around(b"\x0f\1\0\0" * 9, 15, 9)
    assert error_reason(data) is None
    assert error_reason(data[:-8]) is Reason.CORRUPT_IMAGE
