"""IFDs: read in both sizes and byte orders, bounded; written with the same pixels."""

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from facewire_server.image.decode import decode
from facewire_server.image.formats.tiff_ifd import MAX_ENTRIES, Ifd
from tests.server.image.samples import LIMITS, files, save, smooth
from tests.server.image.tiff_writer import Tags, gray_tags, tiff

TAGS: Tags = {
    256: ("H", [640]),
    257: ("L", [70_000]),
    258: ("H", [8, 8, 8]),
    400: ("B", [1, 2, 3, 4, 5, 6, 7, 8, 9]),
}
GRAY = smooth(20, 10, 1)[:, :, 0]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("big", [False, True])
def test_values_are_found_inside_and_outside_of_entries(order: str, big: bool) -> None:
    ifd = Ifd.read(tiff(TAGS, order=order, big=big))
    for tag, (_, values) in TAGS.items():
        assert ifd.integers(tag).tolist() == values


def test_the_first_of_two_equal_tags_counts() -> None:
    data = tiff({256: ("H", [1]), 257: ("H", [2])}).replace(b"\1\1\3", b"\0\1\3")
    assert Ifd.read(data).integer(256) == 1


def test_an_absent_tag_has_no_values() -> None:
    ifd = Ifd.read(tiff(TAGS))
    assert ifd.integers(999).size == 0
    assert ifd.integer(999, default=7) == 7
    assert ifd.integer(258, default=7) == 7


def test_the_end_is_where_the_entries_end() -> None:
    data = tiff({256: ("H", [1])})
    ifd = Ifd.read(data)
    assert ifd.end + ifd.offset_size == len(data)


def test_entries_are_read_up_to_a_limit() -> None:
    tags: Tags = {tag: ("H", [7]) for tag in range(MAX_ENTRIES + 1)}
    ifd = Ifd.read(tiff(tags))
    assert ifd.claimed_count == MAX_ENTRIES + 1
    assert ifd.integer(MAX_ENTRIES - 1) == 7
    assert ifd.integers(MAX_ENTRIES).size == 0


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("big", [False, True])
def test_entries_count_though_more_are_claimed_than_there_are(order: str, big: bool) -> None:
    data = bytearray(tiff({256: ("H", [5]), 257: ("H", [6])}, order=order, big=big))
    struct.pack_into(order + ("Q" if big else "H"), data, 16 if big else 8, 0xFFFF)
    ifd = Ifd.read(bytes(data))
    assert (ifd.integer(256), ifd.integer(257)) == (5, 6)
    assert ifd.end > len(data)


@pytest.mark.parametrize("big", [False, True])
def test_entries_count_up_to_where_the_ifd_is_cut_off(big: bool) -> None:
    data = tiff({tag: ("H", [tag]) for tag in range(1, 6)}, big=big)
    first, size = (24, 20) if big else (10, 12)
    for cut in range(first, len(data)):
        ifd = Ifd.read(data[:cut])
        # The value of a SHORT takes the first two bytes of the value field.
        head = 14 if big else 10
        whole = min(5, max(0, cut - first + size - head) // size)
        values = [ifd.integer(tag) for tag in range(1, whole + 1)]
        assert values == list(range(1, whole + 1))


@pytest.mark.parametrize("big", [False, True])
def test_a_tag_that_is_cut_off_is_refused(big: bool) -> None:
    data = tiff({258: ("Q", [8, 8, 8])}, big=big)
    end = data.index(struct.pack("<H", 258)) + (20 if big else 12)
    with pytest.raises(ValueError, match="cut off"):
        Ifd.read(data[: end - 1]).integers(258)


def test_an_ifd_within_the_header_is_refused() -> None:
    with pytest.raises(ValueError, match="header"):
        Ifd.read(b"II*\0\0\0\0\0" + bytes(100))


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("tag", [258, 400])
def test_values_outside_of_the_data_are_refused(big: bool, tag: int) -> None:
    tags: Tags = {tag: ("Q", list(range(9)))}
    data = tiff(tags, big=big)
    ifd = Ifd.read(data[:-1])
    with pytest.raises(ValueError, match="not in the data"):
        ifd.integers(tag)


def test_values_that_are_no_unsigned_integers_are_refused() -> None:
    data = tiff({256: ("H", [1])}).replace(b"\0\1\3\0", b"\0\1\5\0")
    with pytest.raises(ValueError, match="of type 5"):
        Ifd.read(data).integers(256)


@given(st.binary(max_size=80), st.sampled_from([b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"]))
def test_noise_is_read_or_refused(noise: bytes, start: bytes) -> None:
    try:
        ifd = Ifd.read(start + noise)
        for tag in ifd.entries:
            assert ifd.integers(tag).dtype == np.uint64
    except ValueError:
        pass


@pytest.mark.parametrize("name", [name for name in files() if "tiff" in name])
def test_a_rewritten_file_has_the_same_pixels(name: str) -> None:
    data = files()[name]
    again = Ifd.read(data).rewritten({})
    assert again != data
    pixels = decode(data, limits=LIMITS).pixels
    assert np.array_equal(decode(again, limits=LIMITS).pixels, pixels)


@pytest.mark.parametrize(("order", "big"), [("<", True), (">", True), (">", False)])
def test_a_rewritten_file_is_no_bigtiff_and_keeps_its_byte_order(order: str, big: bool) -> None:
    data = tiff(gray_tags(20, 10), GRAY.tobytes(), order=order, big=big)
    again = Ifd.read(Ifd.read(data).rewritten({278: [5]}))
    assert (again.byte_order, again.offset_size) == (order, 4)
    assert again.integer(278) == 5
    assert again.integer(256) == 20


def test_tags_that_make_no_pixels_are_left_out() -> None:
    data = tiff(gray_tags(20, 10) | {700: ("B", [0] * 100)}, GRAY.tobytes())
    assert 700 not in Ifd.read(Ifd.read(data).rewritten({})).entries


def test_values_of_more_than_32_bits_are_refused() -> None:
    tags = gray_tags(20, 10) | {513: ("Q", [2**40])}
    data = tiff(tags, GRAY.tobytes(), big=True)
    with pytest.raises(ValueError, match="513"):
        Ifd.read(data).rewritten({})


def test_values_that_are_not_in_the_file_are_refused() -> None:
    data = save(Image.new("P", (20, 10)), "TIFF")
    with pytest.raises(ValueError, match="not in the data|not all"):
        Ifd.read(data[:-400]).rewritten({})
