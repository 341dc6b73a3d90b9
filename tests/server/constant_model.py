"""A network for tests that finds the same boxes in every image."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

SIDE = 64
"""The input is [1,3,SIDE,SIDE] unless another side is asked for."""

LAYER = """
<layer id="{id}" name="{name}" type="{type}" version="opset1">{data}{ports}</layer>"""

Row = tuple[float, float, float, float, float, int]
"""x_min, y_min, x_max, y_max in pixels of the input; confidence; class."""


def write_constant_model(
    path: Path, rows: Sequence[Row], metadata: Mapping[str, str], side: int = SIDE
) -> Path:
    """Writes an IR with outputs `boxes` [N,5] and `labels` [N], and its metadata."""
    boxes = np.array([row[:5] for row in rows], np.float32)
    labels = np.array([row[5] for row in rows], np.int64)
    path.with_suffix(".bin").write_bytes(boxes.tobytes() + labels.tobytes())
    image = f'<data shape="1,3,{side},{side}" element_type="f32"/>'
    layers = (
        _layer(0, "image", "Parameter", image, "output", "FP32", (1, 3, side, side)),
        _constant(1, "boxes", "FP32", boxes.shape, 0, boxes.nbytes),
        _constant(2, "labels", "I64", labels.shape, boxes.nbytes, labels.nbytes),
        _layer(3, "boxes/result", "Result", "", "input", "FP32", boxes.shape),
        _layer(4, "labels/result", "Result", "", "input", "I64", labels.shape),
    )
    edges = "".join(
        f'<edge from-layer="{a}" from-port="0" to-layer="{b}" to-port="0"/>'
        for a, b in ((1, 3), (2, 4))
    )
    info = "".join(f'<{key} value="{value}"/>' for key, value in metadata.items())
    path.write_text(
        f'<net name="constant" version="11"><layers>{"".join(layers)}</layers>'
        f"<edges>{edges}</edges>"
        f"<rt_info><model_info>{info}</model_info></rt_info></net>"
    )
    return path


def _constant(
    id: int, name: str, precision: str, shape: tuple[int, ...], offset: int, size: int
) -> str:
    kind = {"FP32": "f32", "I64": "i64"}[precision]
    sizes = ",".join(map(str, shape))
    data = f'<data element_type="{kind}" shape="{sizes}" offset="{offset}" size="{size}"/>'
    return _layer(id, name, "Const", data, "output", precision, shape)


def _layer(
    id: int,
    name: str,
    type: str,
    data: str,
    side: str,
    precision: str,
    shape: tuple[int, ...],
) -> str:
    dims = "".join(f"<dim>{size}</dim>" for size in shape)
    names = f' names="{name}"' if side == "output" else ""
    port = f'<port id="0" precision="{precision}"{names}>{dims}</port>'
    ports = f"<{side}>{port}</{side}>"
    return LAYER.format(id=id, name=name, type=type, data=data, ports=ports)
