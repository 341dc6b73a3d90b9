"""The rebuild of 0206 as raw head: what it gives, and what facewire makes of it."""

import numpy as np
import pytest
from openvino import Model

from benchmarks.rebuild_0206 import views
from facewire_server.inference.heads.atss import AtssHead
from tests.benchmarks.narrow import NARROW
from tests.benchmarks.rebuild_runner import Runner, head_of
from tests.server.rebuild.network import STRIDES, raw_network


@pytest.fixture(scope="module")
def raw() -> Model:
    return raw_network(NARROW, seed=0)


def test_its_outputs_are_three_for_each_stride(raw: Model) -> None:
    shapes = {name: tuple(port.shape) for port in raw.outputs for name in port.names}
    expected = {}
    for stride in STRIDES:
        cells = NARROW.side // stride
        expected[f"cls_{stride}"] = (1, 1, cells, cells)
        expected[f"bbox_{stride}"] = (1, 4, cells, cells)
        expected[f"centerness_{stride}"] = (1, 1, cells, cells)
    assert shapes == expected


def test_facewire_recognises_its_head(raw: Model) -> None:
    head = head_of(raw)
    assert isinstance(head, AtssHead)
    assert (head.strides, head.iou_threshold, head.labels) == (STRIDES, 0.5, ("face",))


def test_its_name_says_that_it_is_a_rebuild(raw: Model) -> None:
    assert "rebuild" in raw.friendly_name


def test_one_seed_gives_one_network() -> None:
    assert np.array_equal(_outputs(seed=3), _outputs(seed=3))
    assert not np.array_equal(_outputs(seed=3), _outputs(seed=4))


def test_its_outputs_are_finite_and_spread() -> None:
    outputs = _outputs(seed=0)
    assert np.isfinite(outputs).all()
    assert 0.5 < outputs.std() < 20


def _outputs(seed: int) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    runner = Runner(raw_network(NARROW, seed), NARROW.side)
    runner.infer(next(views(NARROW.side, seed=0)))
    return np.concatenate([output.ravel() for output in runner.outputs])
