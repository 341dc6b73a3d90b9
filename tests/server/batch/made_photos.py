"""Photos made of the one that comes with the server: each its own, the same from the same seed."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from facewire_server.models.source import DATA
from tests.server.image.attacks import bare_png

BAD_EVERY = 25
"""One photo in so many is bad, the first of them the fifth."""
PNG_EVERY = 10
FACELESS = 0.1  # the part of the photos that are of the suit alone
_NOISE_SIDE = 700


def write_photos(folder: Path, count: int, *, seed: int = 0, most: int = 400) -> list[Path]:
    """Write so many photos into a folder, the longer side up to `most` pixels; in their order."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number, (ending, content) in enumerate(_photos(count, seed, most)):
        paths.append(folder / f"photo-{number:06}.{ending}")
        paths[-1].write_bytes(content)
    return paths


def _photos(count: int, seed: int, most: int) -> Iterator[tuple[str, bytes]]:
    """The ending and the content of each file."""
    random = np.random.default_rng(seed)
    whole = np.asarray(cv2.imread(str(DATA / "astronaut.jpg")), np.uint8)
    noise = random.integers(0, 24, (_NOISE_SIDE, _NOISE_SIDE, 3), np.uint8)
    for number in range(count):
        ending = "png" if number % PNG_EVERY == 0 else "jpg"
        content = cv2.imencode(f".{ending}", _picture(random, whole, noise, most))[1].tobytes()
        if number % BAD_EVERY == 4:
            content = _spoiled(content, number // BAD_EVERY)
        yield ending, content


def _picture(
    random: np.random.Generator, whole: NDArray[np.uint8], noise: NDArray[np.uint8], most: int
) -> NDArray[np.uint8]:
    """A part of the photo, most often with its face: scaled, perhaps mirrored, and noisy."""
    top, left, right = (int(each) for each in random.integers((0, 0, 380), (70, 150, 512)))
    bottom = int(random.integers(260, 512))
    if random.random() < FACELESS:
        top, bottom = top + 280, 512
    part = whole[top:bottom, left:right]
    scale = random.uniform(0.4, 1) * most / max(part.shape[:2])
    if random.random() < 0.5:
        part = part[:, ::-1]
    size = (max(1, round(part.shape[1] * scale)), max(1, round(part.shape[0] * scale)))
    picture = cv2.resize(part, size, interpolation=cv2.INTER_AREA)
    y, x = (int(random.integers(0, _NOISE_SIDE - side)) for side in picture.shape[:2])
    part = noise[y : y + picture.shape[0], x : x + picture.shape[1]]
    return np.asarray(cv2.add(picture, part), np.uint8)


def _spoiled(content: bytes, number: int) -> bytes:
    """A bad file: cut off, empty, no image, or a few bytes that claim to be a huge one."""
    kinds = (content[: len(content) // 2], b"", b"no image", bare_png(100_000))
    return kinds[number % len(kinds)]
