"""Images made smaller while they are decoded, a part at a time."""

import cv2
import numpy as np
from numpy.typing import NDArray


def reduce(pixels: NDArray[np.uint8], reduction: int, reduced: NDArray[np.uint8]) -> None:
    """Write the means of each `reduction` x `reduction` pixels of [H,W] or [H,W,C].

    What is missing to the last ones at the right and below, the edge is taken for.
    """
    if reduction == 1:
        reduced[...] = pixels
        return
    rows, columns = reduced.shape[:2]
    below = rows * reduction - pixels.shape[0]
    right = columns * reduction - pixels.shape[1]
    if below or right:
        edge = cv2.BORDER_REPLICATE
        grown = cv2.copyMakeBorder(pixels, 0, below, 0, right, edge)
        pixels = np.asarray(grown, np.uint8)
    reduced[...] = cv2.resize(pixels, (columns, rows), interpolation=cv2.INTER_AREA)
