"""Strips and tiles: wrong numbers are corrected, missing pixels are refused."""

from io import BytesIO

import numpy as np
import pytest
from PIL.TiffImagePlugin import TiffImageFile

from facewire_server.errors import Reason
from facewire_server.image.decode import decode
from tests.server.image import tiff_layouts
from tests.server.image.samples import LIMITS, error_reason, rgb, save, smooth, to_bgr
from tests.server.image.tiff_layouts import DEFLATE, LZW, NONE, PACKBITS, Layout
from tests.server.image.tiff_writer import Tags, gray_tags, tiff

WIDTH, HEIGHT = 37, 29
COLOUR = smooth(WIDTH, HEIGHT)
BGR = COLOUR[:, :, ::-1]
CODINGS = [NONE, LZW, DEFLATE, PACKBITS]
HUGE = 2**32 - 1


def _file(layout: Layout, more: Tags) -> bytes:
    return layout.file(COLOUR.astype(np.int64), more)


def _assert_whole(data: bytes) -> None:
    assert np.array_equal(to_bgr(decode(data, limits=LIMITS)), BGR)


def _layout(coding: int, *, tile: bool = False, planar: bool = False, rows: int = 7) -> Layout:
    return Layout(8, tiff_layouts.RGB, compression=coding, tile=tile, planar=planar, rows=rows)


def _part_count(layout: Layout) -> int:
    parts = 3 * 2 if layout.tile else -(-HEIGHT // layout.rows)
    return parts * 3 if layout.planar else parts


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("tile", [False, True])
@pytest.mark.parametrize("planar", [False, True])
@pytest.mark.parametrize("claim", [0, HUGE, 100_000])
def test_impossible_lengths_are_corrected(
    coding: int, tile: bool, planar: bool, claim: int
) -> None:
    layout = _layout(coding, tile=tile, planar=planar)
    lengths = [claim] * _part_count(layout)
    _assert_whole(_file(layout, {325 if tile else 279: ("L", lengths)}))


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("tile", [False, True])
def test_lengths_may_be_missing(coding: int, tile: bool) -> None:
    layout = _layout(coding, tile=tile)
    tag = 325 if tile else 279
    data = _file(layout, {tag: ("L", [])})
    _assert_whole(data)
    few = _file(layout, {tag: ("L", [0])})
    _assert_whole(few)


@pytest.mark.parametrize("rows", [7, 5])
def test_the_last_strip_may_claim_to_be_whole(rows: int) -> None:
    layout = _layout(NONE, rows=rows)
    lengths = [rows * WIDTH * 3] * _part_count(layout)
    data = _file(layout, {279: ("L", lengths)})
    _assert_whole(data)
    _assert_whole(_at_the_end(data))


def _at_the_end(data: bytes) -> bytes:
    """The same file with its strips behind its IFD, at the end of the file."""
    start = int.from_bytes(data[4:8], "little")
    size = len(data) - start
    moved = bytearray(data[:4] + (8).to_bytes(4, "little") + data[start:])
    for place in range(10, 10 + 12 * int.from_bytes(moved[8:10], "little"), 12):
        tag = int.from_bytes(moved[place : place + 2], "little")
        kind = int.from_bytes(moved[place + 2 : place + 4], "little")
        count = int.from_bytes(moved[place + 4 : place + 8], "little")
        long = count * {3: 2, 4: 4}[kind] > 4
        value = int.from_bytes(moved[place + 8 : place + 12], "little")
        if long:
            value -= start - 8
            moved[place + 8 : place + 12] = value.to_bytes(4, "little")
        if tag == 273:
            numbers = np.frombuffer(moved, "<u4", count, value if long else place + 8)
            numbers += size
    return bytes(moved) + data[8:start]


@pytest.mark.parametrize("coding", CODINGS)
def test_strips_at_the_end_of_the_file_decode_with_lengths_that_are_too_large(
    coding: int,
) -> None:
    layout = _layout(coding)
    lengths = [HUGE] * _part_count(layout)
    _assert_whole(_at_the_end(_file(layout, {279: ("L", lengths)})))


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("claim", [[], [0], [HUGE]])
def test_missing_pixels_are_refused(coding: int, claim: list[int]) -> None:
    layout = _layout(coding)
    more: Tags = {}
    if claim:
        more = {279: ("L", claim * _part_count(layout))}
    data = _at_the_end(_file(layout, more))
    _assert_whole(data)
    assert error_reason(data[:-40]) is Reason.CORRUPT_IMAGE


@pytest.mark.parametrize("coding", CODINGS)
def test_a_strip_may_claim_more_rows_than_there_are(coding: int) -> None:
    for rows in (0, HEIGHT + 1, 1 << 16, 0xAE00001E, HUGE - 1, HUGE):
        _assert_whole(_file(_layout(coding, rows=HEIGHT), {278: ("L", [rows])}))


def test_the_rows_of_uncompressed_strips_follow_from_their_lengths() -> None:
    _assert_whole(_file(_layout(NONE), {278: ("L", [HUGE])}))
    assert error_reason(_file(_layout(LZW), {278: ("L", [HUGE])})) is Reason.CORRUPT_IMAGE


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("order", ["<", ">"])
def test_one_number_of_bits_may_stand_for_all_samples(coding: int, order: str) -> None:
    layout = Layout(8, tiff_layouts.RGB, compression=coding, order=order)
    _assert_whole(_file(layout, {258: ("H", [8])}))


@pytest.mark.parametrize("big", [False, True])
def test_the_pointer_to_a_next_page_may_be_missing(big: bool) -> None:
    gray = smooth(4, 1, 1)[:, :, 0]
    data = tiff(gray_tags(4, 1), gray.tobytes(), big=big)
    for cut in range(1, 5 if not big else 9):
        assert np.array_equal(decode(data[:-cut], limits=LIMITS).pixels, gray)


@pytest.mark.parametrize("coding", CODINGS)
def test_strips_of_no_pixels_are_left_out(coding: int) -> None:
    layout = _layout(coding)
    whole = _file(layout, {})
    start = int.from_bytes(whole[4:8], "little")
    count = int.from_bytes(whole[start : start + 2], "little")
    tags = np.frombuffer(whole, "<u2", 6 * count, start + 2).reshape(count, 6)
    values = np.frombuffer(whole, "<u4", 3 * count, start + 2).reshape(count, 3)
    place = int(values[tags[:, 0] == 273, 2][0])
    offsets = np.frombuffer(whole, "<u4", _part_count(layout), place).tolist()
    more = [offset - 8 for offset in [*offsets, offsets[0], offsets[0]]]
    _assert_whole(_file(layout, {273: ("L", more)}))


@pytest.mark.parametrize("compression", ["group3", "group4", "jpeg"])
@pytest.mark.parametrize("claim", [0, HUGE])
def test_fax_and_jpeg_that_are_cut_off_are_corrupt_with_any_length(
    compression: str, claim: int
) -> None:
    image = rgb(WIDTH, HEIGHT).convert("RGB" if compression == "jpeg" else "1")
    data = save(image, "TIFF", compression=compression)
    right = decode(data, limits=LIMITS).pixels
    with TiffImageFile(BytesIO(data)) as file:
        length = file.tag_v2[279][0]
    claimed = data.replace(
        b"\x17\x01\x04\0\x01\0\0\0" + length.to_bytes(4, "little"),
        b"\x17\x01\x04\0\x01\0\0\0" + claim.to_bytes(4, "little"),
    ).replace(
        b"\x17\x01\x03\0\x01\0\0\0" + length.to_bytes(4, "little"),
        b"\x17\x01\x04\0\x01\0\0\0" + claim.to_bytes(4, "little"),
    )
    assert claimed != data
    if compression == "jpeg" or claim == 0:
        assert np.array_equal(decode(claimed, limits=LIMITS).pixels, right)
    assert error_reason(claimed[: len(data) * 2 // 3]) is Reason.CORRUPT_IMAGE
