"""Time fitting: the extension against OpenCV's resize, rotate and split, in alternation.

Both must write the same bytes before they are timed. With --callgrind, instructions of the
extension at each SIMD level.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import click
import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.harness.callgrind import instruction_table
from benchmarks.harness.rounds import table, timed
from benchmarks.harness.settings import print_settings, seconds_option
from facewire_ext import fit, fit_yuv, simd_levels, use_simd_level

Bytes = NDArray[np.uint8]
CHANNELS = {"BGR": 3, "BGRA": 4, "grey": 1}
COUNTED = "__pyx_f_12facewire_ext_7_resize_draw"
CHILD = """
from benchmarks.fitting import CASES
for extension, _ in map(type(CASES[0]).works, CASES):
    extension(), extension()
"""


class Case(NamedTuple):
    """Pixels of a layout and size, the sides of the input, and an EXIF orientation, 1 or 6."""

    layout: str
    width: int
    height: int
    side: int
    orientation: int = 1

    def works(self) -> tuple[Callable[[], Bytes], Callable[[], Bytes]]:
        """Fits noise to planes [3, side, side], by the extension and by OpenCV."""
        channels, video = CHANNELS.get(self.layout, 1), self.layout == "NV12"
        shape = (self.height * 3 // 2 if video else self.height, self.width, channels)
        pixels = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
        ours, theirs = np.zeros((2, 4, self.side, self.side), np.uint8)
        luma, chroma = pixels[: self.height, :, 0], pixels[self.height :, :, 0]

        def extension() -> Bytes:
            if video:
                u, v = chroma[:, ::2], chroma[:, 1::2]
                fit_yuv(luma, u, v, ours[:3], orientation=self.orientation)
            else:
                fit(pixels, ours[:3], orientation=self.orientation)
            return ours[:3]

        def opencv() -> Bytes:
            stored: Any = cv2.cvtColor(pixels, cv2.COLOR_YUV2BGR_NV12) if video else pixels
            small = cv2.resize(stored, (self.side, self.side))
            if self.orientation == 6:
                small = cv2.rotate(small, cv2.ROTATE_90_CLOCKWISE)
            if self.layout == "grey":
                theirs[:3] = small
            else:  # the fastest way to planes
                cv2.split(small, list(theirs[: 3 if video else channels]))
            return theirs[:3]

        return extension, opencv


CASES = (
    *(Case("BGR", 500, 375, side) for side in (416, 640)),
    *(Case("BGR", 640, 480, side) for side in (416, 640)),
    *(Case("BGR", 1920, 1080, side) for side in (416, 640)),
    *(Case("BGR", 3840, 2160, side) for side in (416, 640)),
    *(Case("BGR", *size, 640, orientation=6) for size in ((500, 375), (1920, 1080))),
    *(Case(layout, 1920, 1080, 640) for layout in ("NV12", "BGRA", "grey")),
)
NAMES = [
    f"{layout} {width} x {height} to {side} x {side}, orientation {orientation}"
    for layout, width, height, side, orientation in CASES
]


def compare(case: Case, seconds: float) -> list[str]:
    """A row of the table. Raises AssertionError when the bytes differ."""
    extension, opencv = case.works()
    for level in simd_levels():
        use_simd_level(level)
        assert np.array_equal(extension(), opencv()), f"{case}: {level} differs"
    times = timed({"OpenCV": opencv, **dict.fromkeys(simd_levels(), extension)}, seconds)
    ratio = times[simd_levels()[-1]] / times["OpenCV"]
    return [*(f"{took:.0f}" for took in times.values()), f"{ratio:.2f}"]


@click.command(help=__doc__)
@seconds_option(2, "For each case.")
@click.option("--callgrind", is_flag=True, help="Count instructions instead of time.")
def main(seconds: float, callgrind: bool) -> None:
    cv2.setNumThreads(1)
    print_settings(seconds=seconds)
    if callgrind:
        return print(instruction_table(CHILD, COUNTED, NAMES))
    rows = [[name, *compare(case, seconds)] for name, case in zip(NAMES, CASES, strict=True)]
    print(table(("microseconds of CPU", "OpenCV", *simd_levels(), "best x OpenCV"), rows))


if __name__ == "__main__":
    main()
