"""ScanReader: whether the coded data of a scan holds all of its blocks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facewire_ext import ScanReader

GRAY = [(0, 0, 0)]
MISSING = -1
COUNTS = bytes([2]) + bytes(15)
"""Two codes of one bit."""


def reader(width: int = 8, height: int = 8, *, progressive: bool = False) -> ScanReader:
    """A reader of a grey image; a bit of 0 is a difference of 0, or ends a block."""
    scan_reader = ScanReader(width, height, [(1, 1)], progressive)
    scan_reader.define_table(False, 0, COUNTS, b"\0\1")
    scan_reader.define_table(True, 0, COUNTS, b"\0\1")
    return scan_reader


def is_complete(scan_reader: ScanReader, coded: bytes, interval: int = 0) -> bool:
    """Whether one scan of all coefficients has all blocks."""
    return scan_reader.read(coded, GRAY, 0, 63, False, interval) >= 0


@pytest.mark.parametrize("side", [1, 8])
def test_a_block_is_as_many_bits_as_its_codes_and_their_values(side: int) -> None:
    scan_reader = reader(side, side)
    assert is_complete(scan_reader, b"\0")
    # A difference and two coefficients of a bit each, then the end: 11 10 10 0.
    assert is_complete(scan_reader, b"\xe8")
    assert not is_complete(scan_reader, b"\xff\0")
    assert not is_complete(scan_reader, b"")


@pytest.mark.parametrize("blocks", range(1, 20))
def test_every_block_needs_its_bits(blocks: int) -> None:
    scan_reader = reader(8 * blocks)
    needed = -(-blocks * 2 // 8)
    assert is_complete(scan_reader, bytes(needed))
    assert scan_reader.read(bytes(needed + 100), GRAY, 0, 63, False, 0) == needed
    assert not is_complete(scan_reader, bytes(needed - 1))


@pytest.mark.parametrize(
    "coded",
    [b"\xff\xd9" + bytes(9), b"\xff", b"\xff\xff", b"\xff\xd0" + bytes(9)],
)
def test_data_ends_at_a_marker(coded: bytes) -> None:
    assert is_complete(reader(32), b"\0" + coded)
    assert not is_complete(reader(40), b"\0" + coded)


def test_a_stuffed_byte_is_data() -> None:
    scan_reader = reader(8 * 8)
    assert not is_complete(scan_reader, b"\xff\0\0")
    assert not is_complete(scan_reader, b"\0\xff\0")
    assert is_complete(scan_reader, b"\0\x00\xff\0")


def test_restarts_must_be_there_and_in_order() -> None:
    scan_reader = reader(8 * 3)
    assert is_complete(scan_reader, b"\0\xff\xd0\0\xff\xd1\0", interval=1)
    assert is_complete(scan_reader, b"\0stray\xff\xd0\0\xff\xff\xd1\0", interval=1)
    assert not is_complete(scan_reader, b"\0\xff\xd1\0\xff\xd0\0", interval=1)
    assert not is_complete(scan_reader, b"\0\xff\xd0\0", interval=1)
    assert not is_complete(scan_reader, b"\0\xff\xd0\xff\xd1\0", interval=1)
    assert is_complete(scan_reader, b"\0\xff\xd0\0", interval=2)


def test_an_invalid_code_is_missing_data() -> None:
    scan_reader = reader()
    scan_reader.define_table(True, 0, bytes(15) + b"\1", b"\0")
    assert is_complete(scan_reader, bytes(3))
    assert not is_complete(scan_reader, b"\1" * 3)


def test_an_undefined_table_is_missing_data() -> None:
    scan_reader = reader()
    assert scan_reader.read(bytes(9), [(0, 1, 0)], 0, 63, False, 0) == MISSING
    assert scan_reader.read(bytes(9), [(0, 0, 3)], 0, 63, False, 0) == MISSING


def test_refined_coefficients_need_a_bit_each() -> None:
    scan_reader = reader(progressive=True)
    scan_reader.define_table(True, 0, COUNTS, b"\0\1")
    assert scan_reader.read(b"\0", GRAY, 0, 0, False, 0) >= 0
    # Coefficients 1 to 3 are there, then the block ends: 10 10 10 0.
    assert scan_reader.read(b"\xa8", GRAY, 1, 3, False, 0) >= 0
    # The end of the block, and a bit for each of the three.
    assert scan_reader.read(b"\0", GRAY, 1, 63, True, 0) >= 0
    assert scan_reader.read(b"", GRAY, 1, 63, True, 0) == MISSING
    wide = ScanReader(8 * 64, 8, [(1, 1)], True)
    wide.define_table(True, 0, COUNTS, b"\0\1")
    assert wide.read(b"\xaa" * 24 + bytes(24), GRAY, 1, 1, False, 0) >= 0
    assert wide.read(bytes(16), GRAY, 1, 63, True, 0) >= 0
    assert wide.read(bytes(15), GRAY, 1, 63, True, 0) == MISSING


@pytest.mark.parametrize(
    "parts", [[], [(1, 0, 0)], [(-1, 0, 0)], [(0, 4, 0)], [(0, 0, -1)], GRAY * 2]
)
def test_components_that_the_frame_does_not_have_are_missing_data(
    parts: list[tuple[int, int, int]],
) -> None:
    assert reader().read(bytes(99), parts, 0, 63, False, 0) == MISSING


@pytest.mark.parametrize(("first", "last"), [(-1, 0), (5, 4), (0, 64), (255, 255)])
def test_an_invalid_spectral_selection_is_missing_data(first: int, last: int) -> None:
    scan_reader = reader(progressive=True)
    assert scan_reader.read(bytes(99), GRAY, first, last, False, 0) == MISSING


@pytest.mark.parametrize(
    ("width", "height", "factors"),
    [
        (0, 1, [(1, 1)]),
        (1, 65_536, [(1, 1)]),
        (1, 1, []),
        (1, 1, [(1, 1)] * 5),
        (1, 1, [(0, 1)]),
        (1, 1, [(1, 5)]),
    ],
)
def test_frames_that_do_not_fit_are_refused(
    width: int, height: int, factors: list[tuple[int, int]]
) -> None:
    with pytest.raises(ValueError, match="must be"):
        ScanReader(width, height, factors, True)


@pytest.mark.parametrize(
    ("slot", "counts", "symbols"),
    [
        (4, COUNTS, b"\0\1"),
        (-1, COUNTS, b"\0\1"),
        (0, bytes(15), b""),
        (0, COUNTS, b"\0"),
        (0, bytes([3]) + bytes(15), b"\0\1\2"),
        (0, bytes(8) + b"\xff\2" + bytes(6), bytes(257)),
    ],
)
def test_tables_that_do_not_fit_are_refused(slot: int, counts: bytes, symbols: bytes) -> None:
    with pytest.raises(ValueError, match="there"):
        reader().define_table(True, slot, counts, symbols)


@given(
    st.binary(max_size=200),
    st.booleans(),
    st.lists(st.tuples(st.integers(0, 63), st.integers(0, 63), st.booleans())),
    st.integers(0, 3),
    st.sampled_from([b"\0\1", b"\1\xf0", b"\x11\x21", b"\xe0\x0f", b"\xff\xff"]),
)
def test_any_data_is_read_within_its_bounds(
    coded: bytes,
    progressive: bool,
    scans: list[tuple[int, int, bool]],
    interval: int,
    symbols: bytes,
) -> None:
    scan_reader = ScanReader(33, 17, [(2, 2), (1, 1), (1, 2)], progressive)
    scan_reader.define_table(False, 0, COUNTS, b"\0\5")
    scan_reader.define_table(True, 0, COUNTS, symbols)
    for first, last, refines in scans:
        for parts in ([(0, 0, 0)], [(index, 0, 0) for index in range(3)]):
            found = scan_reader.read(coded, parts, first, last, refines, interval)
            assert MISSING <= found <= len(coded)
