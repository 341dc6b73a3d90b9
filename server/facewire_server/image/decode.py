"""Opening of the image of a request; its format is recognised by its first bytes only."""

from collections.abc import Callable
from dataclasses import dataclass

from facewire_server.errors import Reason, RequestError
from facewire_server.image.data import Data
from facewire_server.image.formats.bmp import decode_bmp, is_bmp
from facewire_server.image.formats.jpeg import decode_jpeg, is_jpeg
from facewire_server.image.formats.png import decode_png, is_png
from facewire_server.image.formats.tiff import decode_tiff, is_tiff
from facewire_server.image.formats.webp import decode_webp, is_webp
from facewire_server.image.limits import ImageLimits
from facewire_server.image.picture import Picture
from facewire_server.image.raw import RawImage, wrap
from facewire_server.image.signatures import HEAD, describe
from facewire_server.image.target import Target

_Decode = Callable[[Data, ImageLimits, Target | None], Picture]

_FORMATS: tuple[tuple[Callable[[bytes], bool], _Decode], ...] = (
    (is_jpeg, decode_jpeg),
    (is_png, decode_png),
    (is_webp, decode_webp),
    (is_tiff, decode_tiff),
    (is_bmp, decode_bmp),
)


@dataclass(frozen=True, slots=True)
class EncodedImage:
    """The bytes of an image file, not read yet.

    `reducible`: whether it may be reduced while it is decoded, where that costs less.
    """

    data: Data
    reducible: bool = True


Image = EncodedImage | RawImage
"""The image of a request."""


def open_image(image: Image, limits: ImageLimits, target: Target | None) -> Picture:
    """Make a picture of an image that will be drawn into `target`; None: at its full size.

    Slow, and takes much memory: never call it in an event loop. Raises the errors of
    `decode` and `wrap`.
    """
    if isinstance(image, RawImage):
        return wrap(image, limits)
    return decode(image.data, limits=limits, target=target if image.reducible else None)


def decode(data: Data, *, limits: ImageLimits, target: Target | None = None) -> Picture:
    """Decode a whole JPEG, PNG, WebP, BMP or TIFF file to 8 bits a sample.

    Given a `target`, the picture may be reduced, but not to fewer pixels than fitting it
    into the target needs. Alpha is dropped, the colours under it stay as stored; of
    samples of 16 bits the top 8 count; of an animation the first image, of several pages
    the first page. The GIL is never held for more than some milliseconds at a time.

    RequestError:
    - EMPTY_IMAGE: no bytes;
    - UNSUPPORTED_FORMAT: the data does not start as one of the five formats, and the
      message says what it seems to be; or the file uses a feature of its format that no
      library here decodes, samples of 32 bits for example;
    - IMAGE_TOO_LARGE: larger than `limits` by its header, before any pixel is decoded;
    - CORRUPT_IMAGE: the data starts as one of the five formats and does not decode. A
      file that is cut off within its pixels is corrupt, and so is a file that would cost
      far more than its pixels.

    MemoryError: there is no memory for it now, whatever error the decoder raised.
    """
    if not data:
        raise RequestError(Reason.EMPTY_IMAGE, "the image has no bytes")
    head = bytes(data[:HEAD])
    for matches, decode_format in _FORMATS:
        if matches(head):
            return decode_format(data, limits, target)
    message = "the image is no JPEG, PNG, WebP, BMP or TIFF file"
    description = describe(head)
    if description is not None:
        message = f"{message}; it seems to be {description}"
    raise RequestError(Reason.UNSUPPORTED_FORMAT, message)
