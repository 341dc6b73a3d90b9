"""What a plain OpenVINO script gets from a model's file, as it was published."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import openvino as ov
from numpy.typing import NDArray


def plain_outputs(path: Path, tensor: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """The outputs by name, computed in f32."""
    properties = {"INFERENCE_PRECISION_HINT": "f32"}
    request = ov.Core().compile_model(path, "CPU", properties).create_infer_request()
    request.infer({0: tensor})
    return {
        min(output.names): request.get_output_tensor(position).data.copy()
        for position, output in enumerate(request.model_outputs)
    }


def planes(photo: bytes, side: int) -> NDArray[np.float32]:
    """The photo as float32 [1,3,side,side], planes B, G, R, as clients of 0206 send it."""
    pixels: Any = cv2.imdecode(np.frombuffer(photo, np.uint8), cv2.IMREAD_COLOR)
    resized = cv2.resize(pixels, (side, side)).transpose(2, 0, 1)[np.newaxis]
    return np.ascontiguousarray(resized, np.float32)
