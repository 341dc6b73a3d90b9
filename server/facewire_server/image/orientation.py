"""The EXIF orientation: read from EXIF data, and applied to pixels.

Rule: EXIF data counts as far as it can be read. Where it says nothing, or nothing
that is an orientation, the image is taken as it is stored.
Source: CIPA DC-008 (Exif 2.32), tag 0x0112.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from facewire_server.image.formats.tiff_ifd import Ifd

ORIENTATION = 0x0112

_FLIPS = {2: 1, 3: -1, 4: 0}
_ROTATIONS = {6: cv2.ROTATE_90_CLOCKWISE, 8: cv2.ROTATE_90_COUNTERCLOCKWISE}


def read_orientation(*exif: bytes) -> int:
    """The orientation in EXIF data (a TIFF header and its directory), 1 to 8.

    Of several pieces of EXIF data the first that has one counts. 1, upright, when
    none does.
    """
    for data in exif:
        try:
            directory = Ifd.read(data.removeprefix(b"Exif\0\0"))
        except ValueError:
            continue
        found = _orientation_in(directory)
        if found is not None:
            return found
    return 1


def orientation_of(directory: Ifd) -> int:
    """The orientation in a directory, 1 to 8; 1 when there is none or it is broken."""
    return _orientation_in(directory) or 1


def _orientation_in(directory: Ifd) -> int | None:
    """The first value of the tag, as other programs take it; None when it is none."""
    try:
        values = directory.integers(ORIENTATION)
    except ValueError:
        return None
    if values.size < 1 or not 1 <= values[0] <= 8:
        return None
    return int(values[0])


def swaps_sides(orientation: int) -> bool:
    """Whether the upright image is as wide as the stored one is high."""
    return orientation >= 5


def reversed_axes(orientation: int) -> tuple[bool, bool]:
    """Whether the upright x and y axes run against the stored ones they come from."""
    return orientation in (2, 3, 6, 7), orientation in (3, 4, 7, 8)


def rotate(stored: NDArray[np.uint8], orientation: int, upright: NDArray[np.uint8]) -> None:
    """Write `stored`, uint8 [h,w,3], to `upright` as its EXIF orientation (1 to 8) says.

    `upright` belongs to the caller, is [h,w,3] or, where sides are swapped, [w,h,3], and may
    be a view of a larger array.
    """
    if orientation == 1:
        np.copyto(upright, stored)
    elif orientation in _FLIPS:
        cv2.flip(stored, _FLIPS[orientation], upright)
    elif orientation in _ROTATIONS:
        cv2.rotate(stored, _ROTATIONS[orientation], upright)
    elif orientation == 5:
        cv2.transpose(stored, upright)
    else:
        cv2.flip(cv2.transpose(stored), -1, upright)
