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
        adapter = OpenvinoAdapter(
            core(),
            str(path),
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
        """Detect in a picture [H,W,3]; `threshold` None: the model's own.

        Both exporters' engines give pictures as RGB. For other files the caller decides,
        and Open Model Zoo's give BGR.
        """
        if threshold is not None:
            self.model.set_param("confidence_threshold", threshold)
        read = DetectionTiler(self.model, execution_mode="sync") if self.tiled else self.model
        given = rgb if self.exporter else rgb[:, :, ::-1]
        result = read(np.ascontiguousarray(given))
        return Detected.of(result.bboxes, result.scores, result.labels)

    def save(self, path: Path) -> Path:
        """Save the model with its preprocessing in the graph, as Model API does."""
        self.model.save(str(path))
        return path


def _has_info(model: ov.Model) -> bool:
    return bool(model.has_rt_info("model_info"))


def _adopt_onnx_metadata(model: ov.Model) -> None:
    """Move the metadata of an ONNX model to where an IR has it.

    Model API reads them there by itself, with the onnx package; this spares the package.
    """
    if not model.has_rt_info("framework"):
        return
    framework: Any = model.rt_info["framework"]
    for key, value in framework.items():
        if key.startswith(ONNX_PREFIX):
            text = str(getattr(value, "value", value))
            model.set_rt_info(text, ["model_info", key.removeprefix(ONNX_PREFIX)])
