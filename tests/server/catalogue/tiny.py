"""A catalogue of one tiny model, for tests: `tiny`, in FP16 and FP16-INT8."""

import hashlib
import random
from pathlib import Path

from facewire_server.catalogue.catalogue import Catalogue

NAME = "tiny"
BASE = "/published/1/tiny"
BIN = random.Random(1).randbytes(300_000)
XML = b"<net/>" * 5_000

FILES = {
    "FP16/tiny.xml": XML,
    "FP16/tiny.bin": BIN,
    "FP16-INT8/tiny.xml": XML[::-1],
    "FP16-INT8/tiny.bin": BIN[::-1],
}
"""By the path under BASE."""

MODELS_HEAD = "model\twidth\theight\tlabels\tap\tap_of\tgflops\tmparams"
FILES_HEAD = "model\tprecision\tfile\tbytes\tsha384\turl"


def write(folder: Path, url: str, files: dict[str, bytes] | None = None) -> Path:
    """Write the tables into a folder; `url` is the address of the server that has BASE."""
    lines = [FILES_HEAD]
    for path, content in (files or FILES).items():
        precision, name = path.split("/")
        sha384 = hashlib.sha384(content).hexdigest()
        address = f"{url}{BASE}/{path}"
        lines.append(f"{NAME}\t{precision}\t{name}\t{len(content)}\t{sha384}\t{address}")
    folder.mkdir(exist_ok=True)
    model = f"{NAME}\t320\t320\tbackground face\t91.5\tfaces\t0.289\t0.245"
    (folder / "files.tsv").write_text("\n".join(lines) + "\n")
    (folder / "models.tsv").write_text(f"{MODELS_HEAD}\n{model}\n")
    return folder


def catalogue(folder: Path, url: str) -> Catalogue:
    """The tiny catalogue with its files at `url`."""
    return Catalogue.read(write(folder, url))
