"""What hostile images cost a server before it is done with them.

Each file is decoded in a process of its own, as the server does it for an input of
320 x 320, once after a small image of the same format. Prints its size, what came of
it, CPU time, and by how much the peak of memory grew.
"""

import multiprocessing
import time
from collections.abc import Callable
from functools import partial
from multiprocessing.connection import Connection
from typing import NamedTuple

import click

from benchmarks.harness import usage
from benchmarks.harness.settings import print_settings
from facewire_server.errors import RequestError
from facewire_server.image.decode import decode
from facewire_server.image.limits import MAX_SCANS, ImageLimits
from facewire_server.image.target import ResizeMode, Target
from tests.server.image import attacks

MEGA = 1_000_000
TARGET = Target(320, 320, ResizeMode.FIT_TO_WINDOW)
SMALL = 32
TIFF_CODINGS = ("tiff_lzw", "tiff_adobe_deflate", "zstd", "lzma", "jpeg")

Make = Callable[[int], bytes]
"""A file for a side in pixels."""


class Cost(NamedTuple):
    """Of one file: CPU in seconds, growth of the peak of memory in MB."""

    outcome: str
    cpu: float
    memory: float


def attack_files(scans: int) -> dict[str, Make]:
    """All of them; the side is that of the largest square that is let in."""
    progressive = attacks.progressive
    return {
        "JPEG, baseline, white": attacks.jpeg,
        f"JPEG, progressive, colour, {scans} scans": lambda side: progressive(side, scans, "RGB"),
        f"JPEG, progressive, CMYK, {scans} scans": lambda side: progressive(side, scans, "CMYK"),
        "JPEG, progressive, CMYK, without its end": lambda side: progressive(side, 18, "CMYK")[:-2],
        "JPEG, 30,000 scans": lambda side: progressive(side, 30_000),
        "JPEG, longest sides": lambda side: attacks.jpeg(min(side, 900), 65_500),
        "PNG, colour, black": attacks.png,
        "PNG, 1000 texts of 1 MiB": lambda _: attacks.png(
            SMALL, extra=attacks.text_bombs(1000, 1 << 20)
        ),
        "PNG, 99,000 chunks": lambda _: attacks.many_chunks(99_000),
        "WebP, lossless, black": lambda side: attacks.webp(side, side),
        "WebP, lossy, black": lambda side: attacks.webp(side, side, lossless=False),
        "WebP, 5000 frames on a large canvas": lambda side: attacks.webp_animation(side, 5000),
        "BMP, runs": attacks.runs,
        "BMP, one bit": attacks.bilevel,
        "TIFF, fax": lambda side: attacks.page(side, "group4", "1"),
        **{
            f"TIFF, colour, one strip, {coding}": partial(attacks.page, compression=coding)
            for coding in TIFF_CODINGS
        },
        f"TIFF, strips of one JPEG of {scans} scans": lambda side: attacks.jpeg_page(side, scans),
        "TIFF, 65,000 strips": lambda _: attacks.many_strips(65_000),
        "TIFF, EXIF of 15 million numbers": lambda _: attacks.camera_bomb(15 * MEGA),
    }


def measure(data: bytes, warm: bytes, limits: ImageLimits) -> Cost:
    """What decoding costs, in a process of its own."""
    # Spawned, not forked: this process has memory to spare from making the files.
    fresh = multiprocessing.get_context("spawn")
    ours, theirs = fresh.Pipe()
    child = fresh.Process(target=_decode, args=(data, warm, limits, theirs))
    child.start()
    theirs.close()
    assert child.pid
    ours.recv()
    before = usage.resident_mb(child.pid)
    with usage.Usage(child.pid) as used:
        ours.send("decode")
        outcome, cpu = ours.recv()
    ours.send("end")
    child.join()
    return Cost(outcome, cpu, used.peak_mb - before)


def _decode(data: bytes, warm: bytes, limits: ImageLimits, parent: Connection) -> None:
    parent.send(_outcome(warm, limits))
    parent.recv()
    started = time.process_time()
    outcome = _outcome(data, limits)
    parent.send((outcome, time.process_time() - started))
    parent.recv()  # stay until memory is measured


def _outcome(data: bytes, limits: ImageLimits) -> str:
    try:
        picture = decode(data, limits=limits, target=TARGET)
    except RequestError as error:
        return error.reason
    return f"{picture.width} x {picture.height}"


@click.command(help=__doc__)
@click.option("--max-megapixels", type=float, default=64.0, show_default=True)
@click.option("--max-scans", type=int, default=MAX_SCANS, show_default=True)
@click.option("--only", default="", help="Files with these words in their names.")
def main(max_megapixels: float, max_scans: int, only: str) -> None:
    limits = ImageLimits(round(max_megapixels * MEGA), scans=max_scans)
    side = int(limits.pixels**0.5)
    print_settings(pixels=limits.pixels, scans=limits.scans, input="320x320")
    print(f"{'file':42}{'bytes':>12}  {'outcome':15}{'CPU ms':>9}{'MB':>7}")
    for name, make in attack_files(limits.scans).items():
        if only in name:
            data = make(side)
            cost = measure(data, make(SMALL), limits)
            print(f"{name:42}{len(data):12}  {cost.outcome:15}", end="")
            print(f"{1000 * cost.cpu:9.1f}{cost.memory:7.0f}", flush=True)


if __name__ == "__main__":
    main()
