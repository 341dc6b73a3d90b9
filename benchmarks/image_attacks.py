"""What hostile images cost a server before it is done with them.

Each file is decoded in a process of its own, as for an input of 320 x 320, once after a small
image of the same format.
"""

import multiprocessing
import os
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial

import click

from benchmarks.harness import usage
from benchmarks.harness.settings import print_settings
from facewire_server.errors import RequestError
from facewire_server.image.decode import decode
from facewire_server.image.limits import ImageLimits
from facewire_server.image.target import ResizeMode, Target
from tests.server.image import attacks

MEGA = 1_000_000
TARGET = Target(320, 320, ResizeMode.FIT_TO_WINDOW)
SMALL = 32


def attack_files(scans: int) -> dict[str, Callable[[int], bytes]]:
    """What makes each file for a side in pixels."""
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
            for coding in ("tiff_lzw", "tiff_adobe_deflate", "zstd", "lzma", "jpeg")
        },
        f"TIFF, strips of one JPEG of {scans} scans": lambda side: attacks.jpeg_page(side, scans),
        "TIFF, 65,000 strips": lambda _: attacks.many_strips(65_000),
        "TIFF, EXIF of 15 million numbers": lambda _: attacks.camera_bomb(15 * MEGA),
    }


def measure(data: bytes, warm: bytes, limits: ImageLimits) -> tuple[str, float, float]:
    """Decode in a process of its own; what came of it, CPU seconds, MB more at the peak."""
    # Spawned, not forked: this process has memory to spare from making the files.
    fresh = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, fresh) as pool:
        pid = pool.submit(os.getpid).result()
        pool.submit(_decode, warm, limits).result()
        before = usage.resident_mb(pid)
        with usage.Usage(pid) as used:
            outcome, cpu = pool.submit(_decode, data, limits).result()
    return outcome, cpu, used.peak_mb - before


def _decode(data: bytes, limits: ImageLimits) -> tuple[str, float]:
    started = time.process_time()
    try:
        picture = decode(data, limits=limits, target=TARGET)
        outcome = f"{picture.width} x {picture.height}"
    except RequestError as error:
        outcome = error.reason
    return outcome, time.process_time() - started


@click.command(help=__doc__)
@click.option("--only", default="", help="Files with these words in their names.")
def main(only: str) -> None:
    limits = ImageLimits(64 * MEGA)
    side = int(limits.pixels**0.5)
    print_settings(pixels=limits.pixels, scans=limits.scans, input="320x320")
    print(f"{'file':42}{'bytes':>12}  {'outcome':15}{'CPU ms':>9}{'MB':>7}")
    for name, make in attack_files(limits.scans).items():
        if only in name:
            data = make(side)
            outcome, cpu, memory = measure(data, make(SMALL), limits)
            line = f"{name:42}{len(data):12}  {outcome:15}{1000 * cpu:9.1f}{memory:7.0f}"
            print(line, flush=True)


if __name__ == "__main__":
    main()
