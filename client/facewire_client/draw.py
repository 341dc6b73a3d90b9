"""Pictures with their faces drawn in. Needs Pillow: pip install 'facewire[draw]'."""

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
    """Writes the upright picture with boxes, confidences and landmarks drawn in.

    `image` is the path or the contents of the image file that `result` is about; the
    name of `output` says which format to write. Raises FaceClientError when Pillow is
    not installed, or the picture cannot be read or written.
    """
    require_pillow()
    from PIL import Image, ImageDraw, ImageOps

    source = io.BytesIO(image) if isinstance(image, bytes) else image
    try:
        with warnings.catch_warnings(action="ignore"):
            with Image.open(source) as stored:
                picture = ImageOps.exif_transpose(stored).convert("RGB")
            _check_size(picture.size, result.image_size)
            pen = ImageDraw.Draw(picture)
            width = max(2, round(max(picture.size) / 300))
            for face in result.faces:
                _draw_face(pen, face, width)
            picture.save(output)
    except Exception as error:
        # Pillow raises TypeError, SyntaxError, struct.error and more for odd files.
        why = str(error) or type(error).__name__
        raise _error(f"{output} cannot be drawn: {why}") from error


def require_pillow() -> None:
    """Raises FaceClientError, with the command to type, when there is no Pillow."""
    try:
        import_module("PIL")
    except ModuleNotFoundError:
        raise _error("drawing needs one more package: pip install 'facewire[draw]'") from None


def _check_size(size: tuple[int, int], answered: tuple[int, int]) -> None:
    """Raises ValueError for a picture that lies otherwise than the one answered for.

    Pillow and the server can differ in what they make of odd EXIF.
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
