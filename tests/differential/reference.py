"""OpenVINO's Model API as the reading to compare with: one model, in this process.

Its `SSD` wrapper reads every kind of detector that the exporters write. What it is given
is what the exporters' own inference gives it.
"""

from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
from model_api.adapters import OpenvinoAdapter
from model_api.models import SSD
from model_api.tilers import DetectionTiler
from numpy.typing import NDArray

from facewire_server.inference.network import core
from tests.differential.detected import Detected

Pixels = NDArray[np.uint8]

ONNX_PREFIX = "model_info "
"""How the keys of an exporter begin in `metadata_props`."""


class Reference:
    """A model as Model API reads it; f32."""

    def __init__(self, path: Path, **settings: object) -> None:
        """`settings` override metadata of the file."""
        onnx = path.suffix == ".onnx"
        adapter = OpenvinoAdapter(
            core(),
            path.read_bytes() if onnx else str(path),
            b"" if onnx else None,
            device="CPU",
            plugin_config={"INFERENCE_PRECISION_HINT": "f32", "NUM_STREAMS": 1},
            max_num_requests=1,
        )
        _adopt_onnx_metadata(adapter.model)
        info = adapter.model.rt_info["model_info"] if _has_info(adapter.model) else {}
        self.exporter = next(
            (name for name in ("otx", "getitune") if f"{name}_version" in info), None
        )
        """Which exporter wrote the file; None: neither of the two."""
        self.tiled = "tile_size" in info
        if self.exporter == "getitune":
            # getitune's engine does the same: its networks are all trained on RGB.
            settings = {"reverse_input_channels": False, **settings}
        self.model = SSD(adapter, settings, preload=True)

    @property
    def threshold(self) -> float:
        """The confidence above which the model keeps a detection."""
        return float(self.model.params.confidence_threshold)

    def detect(self, rgb: Pixels, threshold: float | None = None) -> Detected:
        """Detect in a picture [H,W,3], RGB; `threshold` None: the model's own.

        Both exporters' engines give pictures as RGB; for other files the application
        decides, and Open Model Zoo's give BGR.
        """
        if threshold is not None:
            self.model.set_param("confidence_threshold", threshold)
        read = DetectionTiler(self.model, execution_mode="sync") if self.tiled else self.model
        given = rgb if self.exporter else rgb[:, :, ::-1]
        result = read(np.ascontiguousarray(given))
        return Detected.of(result.bboxes, result.scores, result.labels)

    def detect_exactly(self, rgb: Pixels, threshold: float) -> Detected:
        """As `detect`, with the scale that the picture really has in the input.

        Model API rounds the size of a picture that keeps its aspect ratio to whole pixels
        of the input, and scales boxes back as if it had not.
        """
        found = self.detect(rgb, threshold)
        if self.tiled or not self.model.params.resize_type.startswith("fit_to_window"):
            return found
        sides = np.array([rgb.shape[1], rgb.shape[0]], np.float32)
        fitted = sides * min(self.model.w / sides[0], self.model.h / sides[1])
        corners = found.boxes.reshape(-1, 2, 2) * (fitted / np.round(fitted))
        return Detected.of(np.minimum(corners, sides), found.scores, found.labels)

    def save(self, path: Path) -> Path:
        """Save the model with its preprocessing in the graph, as Model API does."""
        self.model.save(str(path))
        return path


def _has_info(model: ov.Model) -> bool:
    return bool(model.has_rt_info("model_info"))


def _adopt_onnx_metadata(model: ov.Model) -> None:
    """Move the metadata of an ONNX model to where an IR has it.

    Given a path, Model API reads them itself, with the onnx package; this spares the package.
    """
    if not model.has_rt_info("framework"):
        return
    framework: Any = model.rt_info["framework"]
    for key, value in framework.items():
        if key.startswith(ONNX_PREFIX):
            text = str(getattr(value, "value", value))
            model.set_rt_info(text, ["model_info", key.removeprefix(ONNX_PREFIX)])
