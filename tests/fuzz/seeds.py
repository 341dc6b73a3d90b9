"""What fuzzing begins with: files, requests and numbers, made by code.

Photos of ../shared are taken too where they are, made small: libFuzzer learns faster
from little.
"""

import base64
import struct
from pathlib import Path

import numpy as np
from PIL import Image

from facewire.v1 import detect_pb2 as pb
from tests.server.image import attacks
from tests.server.image.jpeg_faults import (
    HARMLESS,
    WARNINGS,
    cut,
    in_front,
    profile,
    segment,
    without_interval,
)
from tests.server.image.jpeg_writer import flat_jpeg
from tests.server.image.samples import exif, files, save, smooth
from tests.server.image.tiff_writer import gray_tags, tiff

PHOTOS = Path(__file__).parents[3] / "shared" / "faces" / "dlib"
PHOTO_SIDE = 96


def image_seeds() -> list[bytes]:
    """Files of all formats, sound and hostile, and small photos."""
    hostile = [
        attacks.progressive(64, 40),
        attacks.baseline_scans(24, 5),
        attacks.png(16, extra=attacks.text_bombs(2, 1000)),
        attacks.png(16, extra=attacks.profile_bomb(1000)),
        attacks.webp_animation(32, 3),
        attacks.runs(30),
        attacks.claimed(30, 8, 100),
        attacks.looping_directories(),
        attacks.camera_bomb(100),
        tiff(gray_tags(9, 7), bytes(63), order=">"),
        tiff(gray_tags(9, 7), bytes(63), big=True),
    ]
    return [*files().values(), *hostile, *_slips(), *_photos()]


def _slips() -> list[bytes]:
    """JPEG files with slips, whole and cut, and what is no image but looks like one."""
    photo = Image.fromarray(smooth(40, 24))
    plain = save(photo, "JPEG")
    progressive = save(photo, "JPEG", progressive=True, restart_marker_blocks=2)
    camera = tiff({0x0112: ("H", [6]), 0x0128: ("H", [2])})
    orientations = (
        b"Exif\0\0" + camera[:8] + b"\xff\0" + camera[10:],
        b"Exif\0\0" + camera[:20],
    )
    return [
        *(change(plain) for change in HARMLESS.values()),
        *(WARNINGS[name](progressive) for name in ("profile 0 of 0", "short comment")),
        cut(in_front(plain, profile(0, 0)), 0.5),
        cut(in_front(progressive, profile(0, 0)), 0.5),
        without_interval(in_front(progressive, profile(0, 0)), 2),
        flat_jpeg(40, 24, (9, 200, 30), [(4, 2), (1, 1), (1, 1)]),
        *(
            in_front(plain, segment(0xE1, b"Exif\0\0"), segment(0xE1, exif_data))
            for exif_data in orientations
        ),
        b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic",
        base64.b64encode(plain),
        plain.hex().encode(),
    ]


def _photos() -> list[bytes]:
    made = []
    for path in sorted(PHOTOS.glob("*.jpg")):
        with Image.open(path) as photo:
            photo.thumbnail((PHOTO_SIDE, PHOTO_SIDE))
            small = photo.convert("RGB")
        made += [
            save(small, "JPEG", quality=60, exif=exif(6)),
            save(small, "JPEG", quality=60, progressive=True),
            save(small, "WEBP", quality=40),
            save(small.quantize(16), "PNG"),
            save(small.convert("1"), "TIFF", compression="group4"),
        ]
    return made


def request_seeds() -> list[bytes]:
    """Messages with those files, with raw images of every format, with options."""
    raw = [
        pb.RawImage(data=bytes(size), width=4, height=4, pixel_format=each)
        for each in pb.PixelFormat.values()
        for size in (16, 24, 48, 64)
    ]
    raw += [
        pb.RawImage(
            data=bytes(size),
            width=6,
            height=4,
            row_stride=32,
            plane_rows=rows,
            pixel_format=pixel_format,
        )
        for pixel_format, size, rows in (
            (pb.PIXEL_FORMAT_I420, 192, 0),
            (pb.PIXEL_FORMAT_I420, 384, 8),
            (pb.PIXEL_FORMAT_NV12, 384, 8),
        )
    ]
    options = pb.DetectOptions(
        min_confidence=0.5, iou_threshold=float("nan"), max_detections=3
    )
    requests = [
        pb.DetectRequest(),
        pb.DetectRequest(encoded_image=b"", model="x", options=options),
        *(pb.DetectRequest(raw_image=image) for image in raw),
        *(pb.DetectRequest(encoded_image=data) for data in files().values()),
    ]
    return [request.SerializeToString() for request in requests]


def extension_seeds() -> list[bytes]:
    """Each head with probable numbers, and with every kind of improbable one."""
    random = np.random.default_rng(1)
    strange = np.array(
        [0, -0.0, np.nan, np.inf, -np.inf, 1e-45, 3e38, -3e38, 1 << 20, 0.5], np.float32
    )
    seeds = []
    for kind in (0, 1, 2, 3, 200):
        for numbers in (
            random.uniform(0, 1, 60),
            random.normal(0, 30, 60),
            random.choice(strange, 60),
        ):
            small = random.integers(0, 256, 7, dtype=np.uint8).tobytes()
            choices = bytes([kind]) + small + struct.pack("<4f", 0.5, 0.75, 1.0, -2.0)
            seeds.append(choices + numbers.astype(np.float32).tobytes())
    return seeds
