"""The reader of TIFF directories: both sizes, both orders, bounded."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facewire_server.image.directory import MAX_ENTRIES, Directory
from tests.server.image.tiff_writer import Tags, tiff

TAGS: Tags = {
    256: ("H", [640]),
    257: ("L", [70_000]),
    258: ("H", [8, 8, 8]),
    400: ("B", [1, 2, 3, 4, 5, 6, 7, 8, 9]),
}


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("big", [False, True])
def test_values_are_found_inside_and_outside_of_entries(order: str, big: bool) -> None:
    directory = Directory.read(tiff(TAGS, order=order, big=big))
    for tag, (_, values) in TAGS.items():
        assert directory.integers(tag).tolist() == values


def test_the_first_of_two_equal_tags_counts() -> None:
    data = tiff({256: ("H", [1]), 257: ("H", [2])}).replace(b"\1\1\3", b"\0\1\3")
    assert Directory.read(data).integer(256) == 1


def test_an_absent_tag_has_no_values() -> None:
    directory = Directory.read(tiff(TAGS))
    assert directory.integers(999).size == 0
    assert directory.integer(999, default=7) == 7
    assert directory.integer(258, default=7) == 7


def test_the_end_is_where_the_entries_end() -> None:
    data = tiff({256: ("H", [1])})
    directory = Directory.read(data)
    assert directory.end + directory.offset_size == len(data)


def test_too_many_entries_are_refused() -> None:
    tags: Tags = {tag: ("H", [0]) for tag in range(MAX_ENTRIES + 1)}
    with pytest.raises(ValueError, match="1001 entries"):
        Directory.read(tiff(tags))


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("tag", [258, 400])
def test_values_outside_of_the_data_are_refused(big: bool, tag: int) -> None:
    tags: Tags = {tag: ("Q", list(range(9)))}
    data = tiff(tags, big=big)
    directory = Directory.read(data[:-1])
    with pytest.raises(ValueError, match="not in the data"):
        directory.integers(tag)


def test_values_that_are_no_whole_numbers_are_refused() -> None:
    data = tiff({256: ("H", [1])}).replace(b"\0\1\3\0", b"\0\1\5\0")
    with pytest.raises(ValueError, match="of type 5"):
        Directory.read(data).integers(256)


@given(
    st.binary(max_size=80), st.sampled_from([b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"])
)
def test_noise_is_read_or_refused(noise: bytes, start: bytes) -> None:
    try:
        directory = Directory.read(start + noise)
        for tag in directory.entries:
            assert directory.integers(tag).dtype == np.uint64
    except ValueError:
        pass
