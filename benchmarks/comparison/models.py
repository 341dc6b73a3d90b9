"""The models that are compared, and where they are."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_cache_path

SHARED = Path(__file__).parents[3] / "shared" / "models"
CACHE = user_cache_path("facewire") / "benchmarks"


@dataclass(frozen=True, slots=True)
class Model:
    """A model: its name here, its file, and how the rivals read its head.

    `patience` is how much longer than a light one it is measured.
    """

    name: str
    path: Path
    head: str
    patience: float = 1.0


def yunet(side: int) -> Model:
    """YuNet for square inputs of this side. Raises FileNotFoundError."""
    path = SHARED / "yunet" / f"yunet_n_{side}_{side}.onnx"
    if not path.is_file():
        raise FileNotFoundError(f"there is no {path}")
    return Model(f"yunet-{side}", path, "yunet")


def rebuild() -> Model:
    """The rebuild of face-detection-0206 in INT8, its tail in the graph.

    It is made in the user's cache folder when it is not there, for minutes. Raises
    subprocess.CalledProcessError.
    """
    folder = CACHE / "rebuild"
    path = folder / "face-detection-0206-rebuild-tail-int8.xml"
    if not path.is_file():
        command = (sys.executable, "-m", "benchmarks.rebuild_0206", "--int8")
        options = ("--form", "tail", "--output", str(folder))
        subprocess.run([*command, *options], check=True, stdout=sys.stderr)
    return Model("0206-int8", path, "boxes_labels", patience=3.0)


MODELS: dict[str, Callable[[], Model]] = {
    "yunet-640": lambda: yunet(640),
    "yunet-320": lambda: yunet(320),
    "0206-int8": rebuild,
}
