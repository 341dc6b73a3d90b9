"""Which tails are recognised and cut, and which of them are proven to be ATSS's."""

from pathlib import Path

import numpy as np
import openvino as ov
import pytest
from openvino import Model
from openvino import opset15 as ops

from benchmarks.rebuild.cut import Cut, cut
from benchmarks.rebuild.network import raw_network
from benchmarks.rebuild.proof import proven
from benchmarks.rebuild.tail import with_tail
from tests.benchmarks.narrow import NARROW


@pytest.fixture(scope="module")
def whole() -> Model:
    return with_tail(raw_network(NARROW, seed=0))


@pytest.fixture
def parts(whole: Model) -> Cut:
    found = cut(whole)
    assert found is not None
    return found


def test_a_tail_is_cut_where_it_was_put_on(parts: Cut) -> None:
    raw = raw_network(NARROW, seed=0)
    assert [port.names for port in parts.raw.outputs] == [
        port.names for port in raw.outputs
    ]
    assert len(parts.raw.get_ops()) == len(raw.get_ops())


def test_the_tail_alone_ends_as_the_network_did(whole: Model, parts: Cut) -> None:
    assert [port.names for port in parts.tail.outputs] == [
        port.names for port in whole.outputs
    ]
    assert "Convolution" not in {node.get_type_name() for node in parts.tail.get_ops()}


def test_a_tail_that_decodes_as_facewire_does_is_proven(parts: Cut) -> None:
    assert proven(parts)


def test_a_tail_with_constants_in_half_precision_is_proven(
    whole: Model, tmp_path: Path
) -> None:
    ov.save_model(whole, tmp_path / "half.xml", compress_to_fp16=True)
    found = cut(ov.Core().read_model(tmp_path / "half.xml"))
    assert found is not None
    assert proven(found)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("octave_base_scale", "7.9"),
        ("score_fusion", "geometric_mean"),
        ("iou_threshold", "0.55"),
        ("target_stds", "0.1 0.1 0.2 0.21"),
    ],
)
def test_a_tail_that_decodes_otherwise_is_not_proven(
    parts: Cut, key: str, value: str
) -> None:
    parts.raw.set_rt_info(value, ["model_info", key])
    assert not proven(parts)


def test_a_network_without_a_tail_is_not_cut() -> None:
    assert cut(raw_network(NARROW, seed=0)) is None


def test_a_network_with_another_output_is_not_cut(whole: Model) -> None:
    changed = whole.clone()
    (image,) = changed.get_parameters()
    mean = ops.multiply(image, ops.constant(np.array(0.5, np.float32)))
    results = [*changed.get_results(), ops.result(mean)]
    assert cut(Model(results, [image], "another output")) is None
