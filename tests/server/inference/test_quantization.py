"""What of a network is quantized, and what stays in floating point."""

from pathlib import Path

import numpy as np
import openvino as ov
import pytest
from openvino import opset15 as ops

from facewire_server.errors import ModelError
from facewire_server.inference.network import Network
from facewire_server.inference.quantization import is_quantized, require_float, save, tail
from facewire_server.models.files import ModelFiles
from facewire_server.models.source import EMBEDDED_FILE

LAST = {"Multiply", "Exp"}


def small() -> ov.Model:
    """Two convolutions, an activation between them, and a tail of two operations."""
    image = ops.parameter([1, 3, 8, 8], np.float32)
    kernel = ops.constant(np.ones((3, 3, 1, 1), np.float32))
    steps = ([1, 1], [0, 0], [0, 0], [1, 1])
    inner = ops.relu(ops.convolution(image, kernel, *steps))
    answer = ops.convolution(inner, kernel, *steps)
    boxes = ops.exp(ops.multiply(answer, ops.constant(np.full((1,), 2, np.float32))))
    return ov.Model([ops.result(boxes)], [image])


def test_the_tail_is_what_follows_the_last_convolution() -> None:
    model = small()
    kinds = {node.get_friendly_name(): node.get_type_name() for node in model.get_ops()}
    assert {kinds[name] for name in tail(model)} == LAST


def test_a_network_in_floating_point_is_accepted() -> None:
    require_float(Network(ModelFiles.read(EMBEDDED_FILE)).model, "nano")


def test_a_network_with_weights_of_8_bits_is_refused() -> None:
    image = ops.parameter([3, 3], np.float32)
    weights = ops.convert(ops.constant(np.ones((3, 3), np.int8)), "f32")
    model = ov.Model([ops.result(ops.multiply(image, weights))], [image])
    assert is_quantized(model)
    with pytest.raises(ModelError, match="twice is in INT8 already"):
        require_float(model, "twice")


def test_settings_are_added_where_there_is_no_metadata(tmp_path: Path) -> None:
    model = small()
    save(model, tmp_path / "a.xml", {"labels": "background face"})
    assert Network(ModelFiles.read(tmp_path / "a.xml")).metadata == {"labels": "background face"}


def test_metadata_wins_over_settings(tmp_path: Path) -> None:
    model = small()
    model.set_rt_info("face", ["model_info", "labels"])
    save(model, tmp_path / "a.xml", {"labels": "background face"})
    assert Network(ModelFiles.read(tmp_path / "a.xml")).metadata == {"labels": "face"}
