"""How images are refused: the limit on pixels, and the words for damage."""

from facewire_server.errors import Reason, RequestError


def check_pixels(width: int, height: int, max_pixels: int) -> None:
    """Raise `RequestError(IMAGE_TOO_LARGE)` when width x height is over max_pixels."""
    if width * height > max_pixels:
        raise RequestError(
            Reason.IMAGE_TOO_LARGE,
            f"the image has {width} x {height} pixels, "
            f"and the limit is {max_pixels} pixels in all",
        )


def damaged(kind: str) -> RequestError:
    """The error for data that starts as a `kind` ("PNG") and does not decode."""
    return RequestError(Reason.CORRUPT_IMAGE, f"the {kind} data is damaged or cut off")


def unsupported(kind: str, what: str) -> RequestError:
    """The error for a sound `kind` ("TIFF") that holds `what` ("32-bit samples")."""
    return RequestError(
        Reason.CORRUPT_IMAGE, f"the {kind} data holds {what}, which is not supported"
    )
