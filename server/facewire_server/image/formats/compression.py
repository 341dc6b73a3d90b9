"""How few bytes an image can be in: fewer, and its header claims what is not there.

Rule: these are bounds of the codings themselves, which a white page keeps too. So
nothing sound is refused, and a few bytes do not make a decoder take much memory.
"""

from facewire_server.image.refusal import damaged

DEFLATE = 1032
"""258 bytes, the longest match, for two codes of one bit each."""

LZW = 2560
"""The longest string that the table can hold, 3839 bytes, for a code of 12 bits."""

RUNS = 128
"""PackBits and the runs of BMP: two bytes for 128 bytes, or for 255 pixels."""


def check_possible(kind: str, data_bytes: int, pixel_bytes: int, ratio: int) -> None:
    """RequestError (CORRUPT_IMAGE) when data of `kind` ("PNG") cannot be whole.

    At `ratio` to 1, the best of the coding, it would have fewer than `pixel_bytes`.
    """
    if data_bytes * ratio < pixel_bytes:
        raise damaged(kind)
