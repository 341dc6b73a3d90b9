"""The EXIF orientation: its value in EXIF data, and its effect on the axes.

Rule: EXIF data counts as far as it can be read. An orientation that is missing or out of
range counts as 1, upright as stored.
Source: CIPA DC-008 (Exif 2.32), tag 0x0112.
"""

from facewire_server.image.formats.tiff_ifd import Ifd

ORIENTATION = 0x0112


def read_orientation(*exif: bytes) -> int:
    """Read the orientation, 1 to 8, from EXIF data (a TIFF header and its first IFD).

    Of several pieces of EXIF data the first with a valid orientation counts; 1 when there
    is none.
    """
    for data in exif:
        try:
            ifd = Ifd.read(data.removeprefix(b"Exif\0\0"))
        except ValueError:
            continue
        orientation = _valid_orientation(ifd)
        if orientation is not None:
            return orientation
    return 1


def orientation_of(ifd: Ifd) -> int:
    """The orientation in an IFD, 1 to 8; 1 when it is missing or broken."""
    return _valid_orientation(ifd) or 1


def _valid_orientation(ifd: Ifd) -> int | None:
    """The first value of the tag, as other programs read it; None when it is not 1 to 8."""
    try:
        values = ifd.integers(ORIENTATION)
    except ValueError:
        return None
    if values.size < 1 or not 1 <= values[0] <= 8:
        return None
    return int(values[0])


def swaps_sides(orientation: int) -> bool:
    """Whether the width of the upright image is the height of the stored one."""
    return orientation >= 5


def reversed_axes(orientation: int) -> tuple[bool, bool]:
    """Whether the upright x and y axes are opposite to the stored axes they come from."""
    return orientation in (2, 3, 6, 7), orientation in (3, 4, 7, 8)
