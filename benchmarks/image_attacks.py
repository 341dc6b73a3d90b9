"""What hostile images cost a server before it is done with them.

    python -m benchmarks.image_attacks [--max-megapixels 64] [--max-scans 32]

Each file is decoded in a process of its own, as the server does it for an input of
320 x 320, once after a small image of the same format. Prints its size, what came of
it, CPU time, and by how much memory grew at its peak. Needs Linux.
"""

import argparse
import multiprocessing
import os
import time
from collections.abc import Callable
from functools import partial
from multiprocessing.connection import Connection
from typing import NamedTuple

from benchmarks.proc import forget_peak, status
from facewire_server.errors import RequestError
from facewire_server.image.decode import decode
from facewire_server.image.limits import MAX_SCANS, ImageLimits
from facewire_server.image.target import ResizeMode, Target
from tests.server.image import attacks

MEGA = 1_000_000
TARGET = Target(320, 320, ResizeMode.FIT_TO_WINDOW)
SMALL = 32


class Cost(NamedTuple):
    """Of one file."""

    outcome: str
    cpu: float
    memory: int


class Attack(NamedTuple):
    """A kind of file, made for a side in pixels."""

    name: str
    make: Callable[[int], bytes]


def attack_files(scans: int) -> list[Attack]:
    """All of them; the side is that of the largest square that is let in."""
    return [
        Attack("JPEG, baseline, white", attacks.jpeg),
        Attack(
            f"JPEG, progressive, colour, {scans} scans",
            lambda side: attacks.progressive(side, scans, "RGB"),
        ),
        Attack(
            f"JPEG, progressive, CMYK, {scans} scans",
            lambda side: attacks.progressive(side, scans, "CMYK"),
        ),
        Attack(
            "JPEG, progressive, CMYK, without its end",
            lambda side: attacks.progressive(side, 18, "CMYK")[:-2],
        ),
        Attack(
            "JPEG, 30,000 scans",
            lambda side: attacks.progressive(side, 30_000),
        ),
        Attack("JPEG, longest sides", lambda side: attacks.jpeg(min(side, 900), 65_500)),
        Attack("PNG, colour, black", attacks.png),
        Attack(
            "PNG, 1000 texts of 1 MiB",
            lambda _: attacks.png(SMALL, extra=attacks.text_bombs(1000, 1 << 20)),
        ),
        Attack("PNG, 99,000 chunks", lambda _: attacks.many_chunks(99_000)),
        Attack("WebP, lossless, black", lambda side: attacks.webp(side, side)),
        Attack(
            "WebP, lossy, black",
            lambda side: attacks.webp(side, side, lossless=False),
        ),
        Attack(
            "WebP, 5000 frames on a large canvas",
            lambda side: attacks.webp_animation(side, 5000),
        ),
        Attack("BMP, runs", attacks.runs),
        Attack("BMP, one bit", attacks.bilevel),
        Attack("TIFF, fax", lambda side: attacks.page(side, "group4", "1")),
        *(
            Attack(
                f"TIFF, colour, one strip, {coding}",
                partial(attacks.page, compression=coding),
            )
            for coding in ("tiff_lzw", "tiff_adobe_deflate", "zstd", "lzma", "jpeg")
        ),
        Attack(
            f"TIFF, strips of one JPEG of {scans} scans",
            lambda side: attacks.jpeg_page(side, scans),
        ),
        Attack(
            "TIFF, 65,000 strips",
            lambda _: attacks.many_strips(65_000),
        ),
        Attack("TIFF, EXIF of 15 million numbers", lambda _: attacks.camera_bomb(15 * MEGA)),
    ]


def measure(data: bytes, warm: bytes, limits: ImageLimits) -> Cost:
    """What decoding costs, in a process of its own."""
    # Not a copy of this process, which has memory to spare from making the files.
    fresh = multiprocessing.get_context("spawn")
    ours, theirs = fresh.Pipe(duplex=False)
    child = fresh.Process(target=_decode, args=(data, warm, limits, theirs))
    child.start()
    theirs.close()
    cost = ours.recv()
    child.join()
    assert isinstance(cost, Cost)
    return cost


def _decode(data: bytes, warm: bytes, limits: ImageLimits, answer: Connection) -> None:
    _outcome(warm, limits)
    before = status(os.getpid(), "VmRSS")
    forget_peak(os.getpid())
    started = time.process_time()
    outcome = _outcome(data, limits)
    took = time.process_time() - started
    answer.send(Cost(outcome, took, status(os.getpid(), "VmHWM") - before))


def _outcome(data: bytes, limits: ImageLimits) -> str:
    try:
        picture = decode(data, limits=limits, target=TARGET)
    except RequestError as error:
        return error.reason
    return f"{picture.width} x {picture.height}"


def main() -> None:
    """Prints a line for each file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--max-megapixels", type=float, default=64.0)
    parser.add_argument("--max-scans", type=int, default=MAX_SCANS)
    arguments = parser.parse_args()
    limits = ImageLimits(round(arguments.max_megapixels * MEGA), scans=arguments.max_scans)
    side = int(limits.pixels**0.5)
    print(f"limits: {limits.pixels} pixels, {limits.scans} scans; input 320 x 320")
    print(f"{'file':42}{'bytes':>12}  {'outcome':15}{'CPU ms':>9}{'MB':>7}")
    for attack in attack_files(limits.scans):
        data, warm = attack.make(side), attack.make(SMALL)
        cost = measure(data, warm, limits)
        print(
            f"{attack.name:42}{len(data):12}  {cost.outcome:15}"
            f"{1000 * cost.cpu:9.1f}{cost.memory / 1000:7.0f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
