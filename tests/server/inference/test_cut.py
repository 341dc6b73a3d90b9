"""Which tails are recognised, and where they are cut off."""

import numpy as np
import pytest
from openvino import Model
from openvino import opset15 as ops

from benchmarks.rebuild.network import raw_network
from benchmarks.rebuild.runner import Runner
from benchmarks.rebuild.tail import with_tail
from benchmarks.rebuild.views import views
from facewire_server.inference.cut import Cut, cut
from facewire_server.inference.network import metadata_of
from tests.benchmarks.narrow import NARROW


@pytest.fixture(scope="module")
def whole() -> Model:
    return with_tail(raw_network(NARROW, seed=0))


@pytest.fixture(scope="module")
def parts(whole: Model) -> Cut:
    found = cut(whole)
    assert found is not None
    return found


def test_a_tail_is_cut_where_it_was_put_on(parts: Cut) -> None:
    raw = raw_network(NARROW, seed=0)
    assert [port.shape for port in parts.raw.outputs] == [port.shape for port in raw.outputs]
    assert len(parts.raw.get_ops()) == len(raw.get_ops())


def test_the_raw_network_gives_what_the_head_gave(parts: Cut) -> None:
    image = next(views(NARROW.side, seed=0))
    outputs = []
    for model in (parts.raw, raw_network(NARROW, seed=0)):
        runner = Runner(model, NARROW.side, "f32")
        runner.show(image)
        runner.infer()
        outputs.append(runner.outputs)
    for ours, theirs in zip(*outputs, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-4)


def test_the_tail_alone_ends_as_the_network_did(whole: Model, parts: Cut) -> None:
    assert [port.names for port in parts.tail.outputs] == [port.names for port in whole.outputs]
    assert "Convolution" not in {node.get_type_name() for node in parts.tail.get_ops()}


def test_the_network_itself_is_left_as_it_is(whole: Model) -> None:
    before = len(whole.get_ops())
    cut(whole)
    assert len(whole.get_ops()) == before


def test_the_raw_network_has_the_threshold_of_the_tail(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("benchmarks.rebuild.tail.IOU_THRESHOLD", 0.65)
    found = cut(with_tail(raw_network(NARROW, seed=0)))
    assert found is not None
    assert metadata_of(found.raw)["iou_threshold"] == "0.65"


def test_a_network_without_a_tail_is_not_cut() -> None:
    assert cut(raw_network(NARROW, seed=0)) is None


def test_a_network_with_another_output_is_not_cut(whole: Model) -> None:
    changed = whole.clone()
    (image,) = changed.get_parameters()
    mean = ops.multiply(image, ops.constant(np.array(0.5, np.float32)))
    results = [*changed.get_results(), ops.result(mean)]
    assert cut(Model(results, [image], "another output")) is None
