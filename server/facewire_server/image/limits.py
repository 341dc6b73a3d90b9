"""What an image may have at most: set by the operator, obeyed by every decoder."""

from dataclasses import dataclass

from facewire_server.errors import Reason, RequestError

MAX_SIDE = 65_535
MAX_SCANS = 32


@dataclass(frozen=True, slots=True)
class ImageLimits:
    """How large an image may be, and how often a JPEG may go over its pixels.

    `pixels` in all; `side`: of the longer side, by default what JPEG can hold, so that
    a row fits into the cache; `scans`: of a progressive JPEG. libjpeg's own scripts
    have 10, and 18 for CMYK, but a scan takes 100 bytes, and each costs a walk over
    the whole image.
    """

    pixels: int
    side: int = MAX_SIDE
    scans: int = MAX_SCANS

    def check(self, width: int, height: int) -> None:
        """Raise RequestError (IMAGE_TOO_LARGE) when an image is larger than this."""
        if width * height > self.pixels:
            raise _too_large(width, height, f"{self.pixels} pixels in all")
        if max(width, height) > self.side:
            raise _too_large(width, height, f"{self.side} pixels along a side")


def _too_large(width: int, height: int, limit: str) -> RequestError:
    return RequestError(
        Reason.IMAGE_TOO_LARGE,
        f"the image has {width} x {height} pixels, and the limit is {limit}",
    )
