"""The limits of an image: set by the operator, checked by every decoder."""

from dataclasses import dataclass

from facewire_server.errors import Reason, RequestError

MAX_SIDE = 65_535
MAX_SCANS = 32
MAX_TILES = 1000


@dataclass(frozen=True, slots=True)
class ImageLimits:
    """Limits of an image: `pixels` in all, `side` of the longer side, `scans` of a JPEG,
    `tiles` that it is divided into.

    `side` defaults to the largest that JPEG can store, so that a row fits into the cache.
    `scans` bounds the work of a progressive JPEG: a scan can take as little as 100 bytes,
    and each costs a pass over the whole image. libjpeg's own scripts have 10 scans, and 18
    for CMYK.
    """

    pixels: int
    side: int = MAX_SIDE
    scans: int = MAX_SCANS
    tiles: int = MAX_TILES

    def check(self, width: int, height: int) -> None:
        """Raise RequestError (IMAGE_TOO_LARGE) for an image larger than the limits."""
        if width * height > self.pixels:
            raise _too_large(width, height, f"{self.pixels} pixels in all")
        if max(width, height) > self.side:
            raise _too_large(width, height, f"{self.side} pixels along a side")


def _too_large(width: int, height: int, limit: str) -> RequestError:
    return RequestError(
        Reason.IMAGE_TOO_LARGE,
        f"the image has {width} x {height} pixels, and the limit is {limit}",
    )
