"""Every layout of TIFF decodes to the numbers it was made of, or is refused.

The expected pixels are computed from the numbers in the file, not by another decoder.
"""

from collections.abc import Iterator
from itertools import product
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from facewire_server.errors import RequestError
from facewire_server.image.decode import decode
from tests.server.image import tiff_layouts as tiff
from tests.server.image.samples import LIMITS, smooth, to_bgr
from tests.server.image.tiff_layouts import Layout
from tests.server.image.tiff_writer import Tags

WIDTH, HEIGHT = 37, 29
UNSIGNED, SIGNED, FLOAT = 1, 2, 3
FORMATS = {UNSIGNED: "unsigned", SIGNED: "signed", FLOAT: "float"}

COLOURS = {
    "grey": (tiff.BLACK_IS_ZERO, 1, 0),
    "inverted": (tiff.WHITE_IS_ZERO, 1, 0),
    "grey and alpha": (tiff.BLACK_IS_ZERO, 2, 1),
    "rgb": (tiff.RGB, 3, 0),
    "rgba": (tiff.RGB, 4, 1),
    "palette": (tiff.PALETTE, 1, 0),
    "cmyk": (tiff.CMYK, 4, 0),
    "ycbcr": (tiff.YCBCR, 3, 0),
    "lab": (tiff.LAB, 3, 0),
}
"""By name: photometric, samples, and how many of them are alpha."""

READ = {
    ("grey", 1),
    ("grey", 2),
    ("grey", 4),
    ("grey", 8),
    ("grey", 16),
    ("inverted", 1),
    ("inverted", 2),
    ("inverted", 4),
    ("inverted", 8),
    ("inverted", 16),
    ("grey and alpha", 8),
    ("rgb", 8),
    ("rgb", 16),
    ("rgba", 8),
    ("rgba", 16),
    ("palette", 1),
    ("palette", 2),
    ("palette", 4),
    ("palette", 8),
    ("cmyk", 8),
    ("cmyk", 16),
    ("ycbcr", 8),
}
"""Colours and bits of the unsigned samples that are decoded."""

REVERSED_REFUSED = {"grey and alpha", "rgba", "cmyk", "ycbcr"}
"""Colours that are refused where the bits are in reverse order."""

DEPTHS = [(bits, UNSIGNED) for bits in (1, 2, 4, 8, 16, 32)]
DEPTHS += [(8, SIGNED), (16, SIGNED), (32, SIGNED), (32, FLOAT)]

PALETTE = np.random.default_rng(1).integers(0, 256, (256, 3), dtype=np.uint8)


def _samples(colours: str, bits: int, form: int) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Numbers of this many bits [H,W,S], and the same scaled to 8 bits."""
    count = COLOURS[colours][1]
    eight = smooth(WIDTH, HEIGHT, count).astype(np.int64)
    if form == FLOAT:
        return (eight / 255).astype(np.float32), eight
    if bits < 8:
        numbers = eight >> (8 - bits)
        return numbers, numbers * 255 // ((1 << bits) - 1)
    return eight << (bits - 8), eight


def _bgr(colours: str, numbers: NDArray[Any], eight: NDArray[np.int64]) -> NDArray[np.float64]:
    """The expected pixels."""
    return np.asarray(_colours(colours, numbers, eight), np.float64)


def _colours(colours: str, numbers: NDArray[Any], eight: NDArray[np.int64]) -> NDArray[Any]:
    if colours == "palette":
        return np.asarray(PALETTE[numbers[:, :, 0].astype(int) & 255][:, :, ::-1])
    if colours == "inverted":
        return np.repeat(255 - eight, 3, 2)
    if colours.startswith("grey"):
        return np.repeat(eight[:, :, :1], 3, 2)
    if colours == "cmyk":
        ink = 255 - eight
        return np.asarray((ink[:, :, 2::-1] * ink[:, :, 3:] / 255).round())
    if colours == "ycbcr":
        swapped = eight[:, :, [0, 2, 1]].astype(np.uint8)
        return np.asarray(cv2.cvtColor(swapped, cv2.COLOR_YCrCb2BGR))
    return eight[:, :, 2::-1]


def _tags(colours: str, bits: int) -> Tags:
    if colours == "palette":
        columns = PALETTE[: 1 << min(bits, 8)].T.ravel().tolist()
        return {320: ("H", [value * 257 for value in columns])}
    return {530: ("H", [1, 1])} if colours == "ycbcr" else {}


def _layouts(colours: str, bits: int, form: int) -> Iterator[Layout]:
    """All ways to store such numbers."""
    photometric, count, extra = COLOURS[colours]
    codings = [(tiff.NONE, 1), (tiff.LZW, 1), (tiff.DEFLATE, 1), (tiff.PACKBITS, 1)]
    if bits >= 8:
        codings += [(tiff.LZW, 2), (tiff.DEFLATE, 2)]
    if form == FLOAT:
        codings.append((tiff.DEFLATE, 3))
    planes = (False, True) if count > 1 else (False,)
    fills = (1, 2) if bits <= 8 and form == UNSIGNED else (1,)
    orders = (("<", False), (">", False), ("<", True), (">", True))
    for (coding, predictor), planar, tile, (order, big), fill in product(
        codings, planes, (False, True), orders, fills
    ):
        yield Layout(
            bits,
            photometric,
            extra,
            coding,
            predictor,
            form,
            planar,
            tile,
            order,
            big,
            fill,
        )


@pytest.mark.parametrize("colours", COLOURS)
@pytest.mark.parametrize(
    ("bits", "form"), DEPTHS, ids=[f"{bits}-{FORMATS[form]}" for bits, form in DEPTHS]
)
def test_a_layout_is_decoded_correctly_or_refused_by_name(
    colours: str, bits: int, form: int
) -> None:
    numbers, eight = _samples(colours, bits, form)
    right = _bgr(colours, numbers, eight)
    for layout in _layouts(colours, bits, form):
        data = layout.file(numbers, _tags(colours, bits))
        read = (colours, bits) in READ and form == UNSIGNED
        read |= (colours, bits, form) == ("grey", 8, SIGNED)
        read &= layout.fill_order == 1 or colours not in REVERSED_REFUSED
        if read:
            decoded = to_bgr(decode(data, limits=LIMITS))
            assert np.abs(decoded - right).max() <= 2, layout
        else:
            with pytest.raises(RequestError, match=f"holds {bits}-bit .*supported"):
                decode(data, limits=LIMITS)


def test_subsampled_colour_is_decoded_correctly_in_each_compression() -> None:
    luma = smooth(32, 28, 1)[:, :, 0]
    chroma = smooth(16, 14, 2)
    # For 2 x 2 pixels the four luma samples, then both chroma samples.
    blocks = luma.reshape(14, 2, 16, 2).transpose(0, 2, 1, 3).reshape(14, 16, 4)
    units = np.concatenate([blocks, chroma], axis=2)
    whole = np.dstack([luma, chroma.repeat(2, 0).repeat(2, 1)[:, :, ::-1]])
    right = cv2.cvtColor(whole, cv2.COLOR_YCrCb2BGR).astype(int)
    for coding, order in product((tiff.NONE, tiff.LZW, tiff.DEFLATE), "<>"):
        layout = Layout(8, tiff.YCBCR, compression=coding, order=order, rows=28)
        # A strip of 28 rows of 32 pixels, written as 14 rows of such blocks.
        tags: Tags = {256: ("L", [32]), 257: ("L", [28]), 258: ("H", [8] * 3)}
        tags |= {277: ("H", [3]), 278: ("L", [28]), 530: ("H", [2, 2])}
        data = layout.file(units.astype(np.int64), tags | {339: ("H", [1] * 3)})
        decoded = to_bgr(decode(data, limits=LIMITS))
        assert np.abs(decoded - right).max() <= 2, layout
