"""A copy of the embedded model, for tests that change its files."""

import shutil
from pathlib import Path

from facewire_server.models.source import DATA, EMBEDDED
from tests.server.replaced import replace


def copy_embedded(folder: Path) -> Path:
    """Copy the embedded model to `own.xml` and `own.bin` in this folder."""
    for suffix in (".xml", ".bin"):
        shutil.copy(DATA / EMBEDDED / f"{EMBEDDED}{suffix}", folder / f"own{suffix}")
    return folder / "own.xml"


def change_weights(model: Path) -> None:
    """Flip the lowest bit of one weight, so that the model has another version.

    The file is replaced at once, so that a server never reads half of it.
    """
    weights = model.with_suffix(".bin")
    content = bytearray(weights.read_bytes())
    content[-2] ^= 1
    replace(weights, content)
