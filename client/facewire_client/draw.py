"""Copies of images with the faces drawn in. Needs Pillow: pip install 'facewire[draw]'."""

import io
import warnings
from importlib import import_module
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

import grpc

from facewire_client.errors import FaceClientError
from facewire_client.result import DetectResult, Face

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw

_COLOUR = (57, 255, 20)
_SHADE = (0, 0, 0)


def annotate(image: str | PathLike[str] | bytes, result: DetectResult, output: Path) -> None:
    """Write the upright image with boxes, confidences and landmarks drawn in.

    `image` is the path or the contents of the image file that `result` belongs to; the suffix
    of `output` chooses the format. Raises FaceClientError when Pillow is not installed, or when
    the image cannot be read or written.
    """
    require_pillow()
    from PIL import Image, ImageDraw, ImageOps

    source = io.BytesIO(image) if isinstance(image, bytes) else image
    try:
        with warnings.catch_warnings(action="ignore"):
            with Image.open(source) as stored:
                upright = ImageOps.exif_transpose(stored).convert("RGB")
            _check_size(upright.size, result.image_size)
            pen = ImageDraw.Draw(upright)
            width = max(2, round(max(upright.size) / 300))
            for face in result.faces:
                _draw_face(pen, face, width)
            upright.save(output)
    except Exception as error:
        # Pillow raises TypeError, SyntaxError, struct.error and others for invalid files.
        why = str(error) or type(error).__name__
        raise _error(f"{output} cannot be drawn: {why}") from error


def require_pillow() -> None:
    """Raise FaceClientError, which names the command to type, when Pillow is not installed."""
    try:
        import_module("PIL")
    except ModuleNotFoundError:
        raise _error("drawing needs one more package: pip install 'facewire[draw]'") from None


def _check_size(size: tuple[int, int], answered: tuple[int, int]) -> None:
    """Raise ValueError for an upright image of another size than the server's.

    Pillow and the server can read an unusual EXIF orientation differently.
    """
    if size != answered:
        sizes = [f"{width} x {height}" for width, height in (size, answered)]
        raise ValueError("Pillow makes it {} pixels, the server {}".format(*sizes))


def _draw_face(pen: "ImageDraw", face: Face, width: int) -> None:
    from PIL.ImageFont import load_default

    pen.rectangle(face.box, outline=_COLOUR, width=width)
    for point in face.landmarks:
        pen.circle(point, width, fill=_COLOUR)
    font = load_default(size=7 * width)
    text = f"{face.label} {face.confidence:.2f}".strip()
    x, y = face.box.x_min, face.box.y_min - 9 * width
    corner = (x, y if y >= 0 else face.box.y_max)
    pen.text(corner, text, fill=_COLOUR, font=font, stroke_width=1, stroke_fill=_SHADE)


def _error(message: str) -> FaceClientError:
    return FaceClientError(grpc.StatusCode.FAILED_PRECONDITION, "", message)
