"""Raw photos of cameras, which are TIFF files: NEF, DNG, CR2, ARW and others.

Their first page is a thumbnail, or what the sensor saw. Faces in a thumbnail would be
boxes in the pixels of another image than the one that was sent.
"""

from facewire_server.errors import Reason, RequestError
from facewire_server.image.formats.tiff_ifd import Ifd
from facewire_server.image.formats.tiff_tags import DNG, OLD_SUBFILE, PHOTOMETRIC, SUBFILE, TIFF_EP

_CANON = b"CR"
_COLOUR_FILTERS, _LINEAR_RAW = 32803, 34892


def check_photo(directory: Ifd) -> None:
    """Refuse raw photos, and first pages that are marked as reduced.

    RequestError: UNSUPPORTED_FORMAT.
    """
    photometric = directory.integer(PHOTOMETRIC)
    if (
        directory.data[8:10] == _CANON
        or DNG in directory.entries
        or TIFF_EP in directory.entries
        or photometric in (_COLOUR_FILTERS, _LINEAR_RAW)
    ):
        raise RequestError(
            Reason.UNSUPPORTED_FORMAT,
            "the image is a raw photo (DNG, NEF, CR2, ARW or the like), which is not "
            "supported: send the JPEG that belongs to it",
        )
    if directory.integer(SUBFILE) & 1 or directory.integer(OLD_SUBFILE) == 2:
        raise RequestError(
            Reason.UNSUPPORTED_FORMAT,
            "the first page of the TIFF file is a thumbnail, as in a raw photo, which "
            "is not supported: send the image itself",
        )
