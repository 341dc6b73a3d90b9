"""Pictures to compare readers on: drawn here, and the photos of ../shared."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SHARED = Path(__file__).parents[3] / "shared"

SIZES = ((300, 200), (170, 260), (640, 481))
"""Width and height in pixels: wide, high, and larger than the toys' inputs by far."""


def drawn() -> list[NDArray[np.uint8]]:
    """Pictures [H,W,3] of smooth coloured patches."""
    random = np.random.default_rng(7)
    pictures = []
    for size in SIZES:
        patches = Image.fromarray(random.integers(0, 256, (5, 6, 3), np.uint8))
        pictures.append(np.asarray(patches.resize(size, Image.Resampling.BICUBIC)))
    return pictures


def photos() -> list[NDArray[np.uint8]]:
    """The photos [H,W,3], RGB; none where ../shared is absent."""
    paths = sorted((SHARED / "faces" / "dlib").glob("*.jpg"))
    return [np.asarray(Image.open(path).convert("RGB")) for path in paths]
