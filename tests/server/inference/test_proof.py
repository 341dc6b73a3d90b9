"""Which tails are proven to do what facewire does."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import openvino as ov
import pytest
from openvino import Model
from openvino import opset15 as ops

from benchmarks.rebuild.network import raw_network
from benchmarks.rebuild.tail import with_tail
from facewire_server.inference.cut import cut
from facewire_server.inference.proof import proven
from tests.benchmarks.narrow import NARROW

SIZE = (NARROW.side, NARROW.side)


@pytest.fixture
def whole() -> Model:
    return with_tail(raw_network(NARROW, seed=0))


def is_proven(
    model: Model,
    size: tuple[int, int] = SIZE,
    metadata: Mapping[str, str] | None = None,
) -> bool:
    """Whether the tail is, with what the raw network says of itself changed."""
    parts = cut(model)
    assert parts is not None
    for key, value in (metadata or {}).items():
        parts.raw.set_rt_info(value, ["model_info", key])
    return proven(parts, size)


def test_a_tail_that_decodes_as_facewire_does_is_proven(whole: Model) -> None:
    assert is_proven(whole)


def test_a_tail_with_constants_in_half_precision_is_proven(whole: Model, tmp_path: Path) -> None:
    ov.save_model(whole, tmp_path / "half.xml", compress_to_fp16=True)
    assert is_proven(ov.Core().read_model(tmp_path / "half.xml"))


def test_the_input_need_not_be_square() -> None:
    raw = raw_network(NARROW, seed=0)
    raw.reshape([1, 3, 128, 192])
    assert is_proven(with_tail(raw), (192, 128))


def test_a_tail_with_a_row_for_each_box_only_is_proven(whole: Model) -> None:
    # Without the filling, and the slice that limits both.
    ends = [
        result.input_value(0).get_node().input_value(0).get_node().input_value(0)
        for result in whole.get_results()
    ]
    assert all(end.partial_shape.is_dynamic for end in ends)
    results = [ops.result(end) for end in ends]
    assert is_proven(Model(results, whole.get_parameters(), "dynamic"))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("octave_base_scale", "7.9"),
        ("score_fusion", "geometric_mean"),
        ("iou_threshold", "0.51"),
        ("target_stds", "0.1 0.1 0.2 0.201"),
    ],
)
def test_a_tail_that_decodes_otherwise_is_not_proven(whole: Model, key: str, value: str) -> None:
    assert not is_proven(whole, metadata={key: value})


@pytest.mark.parametrize(("name", "value"), [("MIN_CONFIDENCE", 0.3), ("MAX_LOG_RATIO", 4.0)])
def test_a_tail_with_another_limit_is_not_proven(
    monkeypatch: pytest.MonkeyPatch, name: str, value: float
) -> None:
    monkeypatch.setattr(f"benchmarks.rebuild.tail.{name}", value)
    assert not is_proven(with_tail(raw_network(NARROW, seed=0)))


def test_a_tail_that_counts_classes_from_one_is_not_proven(whole: Model) -> None:
    boxes, labels = (result.input_value(0) for result in whole.get_results())
    one = ops.constant(np.array(1, np.int32))
    results = [ops.result(boxes), ops.result(ops.add(labels, one))]
    assert not is_proven(Model(results, whole.get_parameters(), "from one"))
