"""Photos of several kinds, good and bad, and folders and Parquet files of them."""

import io
from collections.abc import Mapping
from pathlib import Path

from PIL import Image

from facewire_server.models.source import DATA

FACE = (DATA / "astronaut.jpg").read_bytes()
"""512 x 512 px with one face."""


def encoded(width: int, height: int, form: str = "JPEG", orientation: int = 1) -> bytes:
    """An image of one colour in which there is no face."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    sink = io.BytesIO()
    Image.new("RGB", (width, height), (90, 120, 150)).save(sink, form, exif=exif)
    return sink.getvalue()


GOOD: Mapping[str, bytes] = {
    "face.jpg": FACE,
    "sub/FACE.JPEG": FACE,
    "sub/turned.jpg": encoded(64, 48, orientation=6),
    "blank.png": encoded(40, 30, "PNG"),
    "blank.webp": encoded(40, 30, "WEBP"),
    "blank.bmp": encoded(40, 30, "BMP"),
    "blank.tif": encoded(40, 30, "TIFF"),
}
BAD: Mapping[str, tuple[bytes, str]] = {
    "cut.jpg": (FACE[:5000], "CORRUPT_IMAGE"),
    "empty.jpg": (b"", "EMPTY_IMAGE"),
    "text.png": (b"no photo at all", "UNSUPPORTED_FORMAT"),
    "huge.png": (encoded(9000, 9000, "PNG"), "IMAGE_TOO_LARGE"),
    "heavy.jpg": (FACE + bytes(2 << 20), "IMAGE_TOO_LARGE"),
}
"""By their names, with their reasons; a photo may have 64 megapixels and a file 1 MiB."""


def write(folder: Path, files: Mapping[str, bytes]) -> Path:
    """Write files into a folder, and return it."""
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder
