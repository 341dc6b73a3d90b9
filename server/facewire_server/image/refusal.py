"""The words with which images are refused that start well and are not decoded."""

from facewire_server.errors import Reason, RequestError
from facewire_server.system.memory import is_available, is_lack_of_memory

# What a decoder takes beside the image, at most, for each pixel and in all: libwebp
# and libtiff keep a second image, LZMA and Zstandard a dictionary.
_PIXEL_BYTES = 8
_DICTIONARY_BYTES = 16 << 20


def damaged(kind: str) -> RequestError:
    """The error for data that starts as a `kind` ("PNG") and does not decode."""
    return RequestError(Reason.CORRUPT_IMAGE, f"the {kind} data is damaged or cut off")


def unsupported(kind: str, what: str) -> RequestError:
    """The error for a sound `kind` ("TIFF") that holds `what` ("32-bit samples").

    No library here reads it, or not rightly.
    """
    return RequestError(
        Reason.UNSUPPORTED_FORMAT,
        f"the {kind} data holds {what}, which is not supported",
    )


def excessive(kind: str, what: str) -> RequestError:
    """The error for a `kind` ("JPEG") that holds more of `what` than is let in."""
    return RequestError(
        Reason.CORRUPT_IMAGE, f"the {kind} data holds {what}, which is not supported"
    )


def blame(kind: str, pixels: int, error: Exception | None = None) -> Exception:
    """The error for a `kind` ("PNG") of so many pixels on which a decoder has failed.

    MemoryError when the decoder lacked memory, else the image is damaged. Not every
    decoder says which it was: libwebp and libtiff give up without a word. So whoever
    fails where there is no memory for such an image is not believed.
    """
    if error is not None and is_lack_of_memory(error):
        return MemoryError()
    if not is_available(pixels * _PIXEL_BYTES + _DICTIONARY_BYTES):
        return MemoryError()
    return damaged(kind)
