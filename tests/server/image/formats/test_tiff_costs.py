"""TIFF files that would cost far more than their pixels are refused."""

import re
import struct
import tracemalloc

import pytest

from facewire_server.errors import Reason, RequestError
from facewire_server.image.decode import decode
from facewire_server.image.formats.tiff_costs import MAX_IFD_ENTRIES, MAX_PARTS
from tests.server.image.samples import LIMITS, error_reason, smooth
from tests.server.image.tiff_writer import gray_tags, tiff

GRAY = smooth(20, 10, 1)[:, :, 0]


def test_more_strips_than_any_image_needs_are_refused() -> None:
    count = MAX_PARTS + 1
    tags = gray_tags(1, 10) | {
        273: ("L", [0] * count),
        278: ("L", [1]),
        279: ("L", [1] * count),
    }
    assert error_reason(tiff(tags, bytes(1))) is Reason.CORRUPT_IMAGE


def test_a_tile_far_larger_than_the_image_is_refused() -> None:
    tags = gray_tags(20, 10) | {322: ("L", [50_000]), 323: ("L", [50_000])}
    assert error_reason(tiff(tags, GRAY.tobytes())) is Reason.CORRUPT_IMAGE


@pytest.mark.filterwarnings("ignore:::PIL")
def test_tags_that_all_claim_the_whole_file_are_not_all_read() -> None:
    tags = gray_tags(20, 10)
    tags |= {40_000 + number: ("B", [0] * 5) for number in range(800)}
    claim = struct.pack("<HLL", 1, 100_000, 8)
    data = tiff(tags, GRAY.tobytes() + bytes(100_000))
    bomb = re.sub(rb"(?s)\x01\x00\x05\x00\x00\x00....", claim, data)
    assert bomb.count(claim) == 800
    tracemalloc.start()
    try:
        error_reason(bomb)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 10_000_000


def test_an_ifd_of_thousands_of_entries_is_refused() -> None:
    tags = {tag: ("H", [1]) for tag in range(1000, 1000 + MAX_IFD_ENTRIES)} | gray_tags(20, 10)
    with pytest.raises(RequestError, match="more than 1000 entries") as error:
        decode(tiff(tags, GRAY.tobytes()), limits=LIMITS)
    assert error.value.reason is Reason.CORRUPT_IMAGE
