"""Photos with their right and wrong boxes drawn in, small enough for a report."""

import base64
import io
import warnings
from pathlib import Path

from PIL import Image, ImageDraw, ImageOps

from facewire_client.evaluation.dataset import DatasetError
from facewire_client.evaluation.photo_counts import Marks

COLOURS = {"hits": "#2ca02c", "wrong": "#ff7f0e", "missed": "#e41a1c", "ignored": "#999999"}
"""The colours of the boxes in `Marks`."""

_MOST = 900
"""The longer side of a drawing in pixels."""


def drawing(path: Path, marks: Marks) -> str:
    """Return a JPEG of the upright photo with the boxes, as a data URI.

    Raises DatasetError for a photo that Pillow cannot read.
    """
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(path) as stored:
            width, height = stored.size
            stored.draft("RGB", (_MOST, _MOST))  # decodes a large JPEG at a fraction of its size
            upright = ImageOps.exif_transpose(stored).convert("RGB")
    except Exception as error:
        # Pillow raises TypeError, SyntaxError, struct.error and others for invalid files.
        raise DatasetError(f"cannot be drawn: {error or type(error).__name__}") from error
    full = max(width, height)
    upright.thumbnail((_MOST, _MOST))
    scale = max(upright.size) / full
    pen = ImageDraw.Draw(upright)
    for name, colour in COLOURS.items():
        for row in getattr(marks, name):
            pen.rectangle([float(value) * scale for value in row[:4]], outline=colour, width=2)
            if len(row) > 4:
                corner = (row[0] * scale + 2, max(row[1] * scale - 11, 0))
                pen.text(corner, f"{row[4]:.2f}", colour, stroke_width=1, stroke_fill="black")
    output = io.BytesIO()
    upright.save(output, "JPEG", quality=80)
    return f"data:image/jpeg;base64,{base64.b64encode(output.getvalue()).decode()}"
