"""Seeds for fuzzing: files, requests and numbers, made by code.

Where ../shared has photos they are used too, scaled down: libFuzzer is faster with small
inputs.
"""

import base64
import struct
from pathlib import Path

import numpy as np
from PIL import Image

from facewire.v1 import detect_pb2 as pb
from facewire_server.rpc import tensor_request
from tests.server import infer
from tests.server.image import attacks
from tests.server.image.bmp_writer import BmpLayout
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
from tests.server.image.png_writer import png
from tests.server.image.samples import exif, files, save, smooth
from tests.server.image.samples import rgb as rgb_image
from tests.server.image.tiff_layouts import Layout
from tests.server.image.tiff_writer import Tags, gray_tags, tiff

PHOTOS = Path(__file__).parents[3] / "shared" / "faces" / "dlib"
PHOTO_SIDE = 96


def image_seeds() -> list[bytes]:
    """Files of all formats, valid and hostile, and small photos."""
    hostile = [
        attacks.progressive(64, 40),
        attacks.baseline_scans(24, 5),
        attacks.png(16, extra=attacks.text_bombs(2, 1000)),
        attacks.png(16, extra=attacks.profile_bomb(1000)),
        attacks.webp_animation(32, 3),
        attacks.runs(30),
        attacks.claimed(30, 8, 100),
        attacks.looping_ifds(),
        attacks.camera_bomb(100),
        tiff(gray_tags(9, 7), bytes(63), order=">"),
        tiff(gray_tags(9, 7), bytes(63), big=True),
    ]
    return [*files().values(), *hostile, *_faults(), *_layouts(), *_photos()]


def _faults() -> list[bytes]:
    """JPEG files with faults, whole and cut off, and data that only looks like an image."""
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
        plain.hex("\f").encode(),
    ]


def _layouts() -> list[bytes]:
    """Files of rare layouts, and files with wrong numbers."""
    rgb = smooth(21, 17).astype(np.int64)
    gray, palette = rgb[:, :, :1], smooth(256, 1)[0]
    tiffs = [
        Layout(8, 2, planar=True),
        Layout(16, 2, planar=True, order=">", big=True),
        Layout(8, 2, compression=5, predictor=2, tile=True),
        Layout(8, 6, compression=8, fill_order=1),
        Layout(8, 2, compression=32773, planar=True, fill_order=2, big=True),
    ]
    wrong: list[Tags] = [
        {279: ("L", [0, 0, 0])},
        {279: ("L", [1 << 31] * 3)},
        {278: ("L", [(1 << 32) - 1])},
        {278: ("L", [0xAE00001E])},
        {258: ("H", [8])},
        {254: ("L", [1])},
        {50706: ("B", [1, 4, 0, 0])},
    ]
    webp = save(rgb_image(21, 17), "WEBP")
    return [
        *(layout.file(rgb) for layout in tiffs),
        *(Layout(8, 2, compression=5).file(rgb, tags) for tags in wrong),
        Layout(16, 0, order=">").file(gray << 8),
        Layout(4, 1, fill_order=2).file(gray >> 4),
        BmpLayout(2, 16, palette=palette[:4]).file(gray[:, :, 0] & 3),
        BmpLayout(8, 124, palette=palette, claimed_start=0).file(gray[:, :, 0]),
        BmpLayout(16, 40, 3, (0xF800, 0x7E0, 0x1F)).file(gray[:, :, 0]),
        BmpLayout(32, 56, 6, (0x3FF00000, 0xFFC00, 0x3FF, 0)).file(gray[:, :, 0]),
        png(rgb, 16, 2, interlaced=True),
        png(rgb, 8, 2, cut_rows=90),
        png(rgb, 8, 2)[:-14],
        webp[:4] + bytes(4) + webp[8:],
        webp[:4] + b"\xff" * 4 + webp[8:],
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
    """Messages with these files, with raw images of every format, with options."""
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
    options = pb.DetectOptions(min_confidence=0.5, iou_threshold=float("nan"), max_detections=3)
    requests = [
        pb.DetectRequest(),
        pb.DetectRequest(encoded_image=b"", model="x", options=options),
        *(pb.DetectRequest(raw_image=image) for image in raw),
        *(pb.DetectRequest(encoded_image=data) for data in files().values()),
    ]
    return [request.SerializeToString() for request in requests]


def infer_seeds() -> list[bytes]:
    """Messages with these files and with pixels, with parameters and outputs."""
    tensors = [("UINT8", [2, 3, 3], bytes(18)), ("UINT8", [2, 1, 3, 3], bytes(18))]
    tensors += [("FP32", [1, 3, 2, 2], bytes(48)), ("BYTES", [1, 2], bytes(8)), ("BYTES", [], b"")]
    tensors += [("BYTES", [1], infer.elements(data)) for data in files().values()]
    jpeg = next(iter(files().values()))
    tensors.append(("BYTES", [2, 1], infer.elements(jpeg, jpeg)))
    requests = [infer.raw(*tensor, pixel_format="RGB") for tensor in tensors]
    requests.append(infer.typed("BYTES", [1], bytes_contents=[jpeg]))
    requests.append(infer.typed("UINT8", [1, 1, 3], uint_contents=[1, 2, 256]))
    for datatype, size in (("FP32", 4), ("FP16", 2), ("UINT8", 1)):
        requests.append(infer.raw(datatype, [1, 3, 2, 2], bytes(12 * size)))
    requests.append(infer.typed("FP32", [1, 3, 2, 2], fp32_contents=range(12)))
    requests.append(infer.typed("UINT8", [1, 3, 2, 2], uint_contents=range(250, 262)))
    for number, request in enumerate(requests):
        if tensor_request.is_tensor(request) and number % 2:
            continue  # with options it would be refused at once
        request.parameters["min_confidence"].double_param = number / 16
        request.parameters["timeout"].int64_param = number
        request.outputs.add(name=("boxes", "landmarks", "other")[number % 3])
    for datatype, shape, size in (("UINT8", [3, 4, 3], 36), ("BYTES", [1], 304)):
        request = infer.typed(datatype, shape)
        request.inputs[0].ClearField("contents")
        infer.place(request.inputs[0], "r", size)
        infer.place(request.outputs.add(name="boxes"), "r", 100, 3996)
        requests.append(request)
    return [request.SerializeToString() for request in requests]


def extension_seeds() -> list[bytes]:
    """Each head with plausible numbers, and with all kinds of strange ones."""
    random = np.random.default_rng(1)
    strange = np.array(
        [0, -0.0, np.nan, np.inf, -np.inf, 1e-45, 3e38, -3e38, 1 << 20, 0.5], np.float32
    )
    seeds = []
    for kind in (0, 1, 2, 3, 150, 155, 200):
        for numbers in (
            random.uniform(0, 1, 60),
            random.normal(0, 30, 60),
            random.choice(strange, 60),
        ):
            small = random.integers(0, 256, 7, dtype=np.uint8).tobytes()
            choices = bytes([kind]) + small + struct.pack("<4f", 0.5, 0.75, 1.0, -2.0)
            seeds.append(choices + numbers.astype(np.float32).tobytes())
    return seeds
