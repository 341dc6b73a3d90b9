"""The rebuild in INT8."""

import pytest
from openvino import Model

from benchmarks.rebuild_0206 import quantized
from tests.benchmarks.narrow import NARROW
from tests.benchmarks.rebuild_runner import head_of
from tests.server.rebuild.network import raw_network
from tests.server.rebuild.tail import with_tail
from tests.server.stored_bits import stored_bits

pytest.importorskip("nncf", reason="needs NNCF: pip install 'facewire[quantize]'")


@pytest.fixture(scope="module")
def smaller() -> Model:
    return quantized(raw_network(NARROW, seed=0), samples=1, seed=0)


def test_every_convolution_has_eight_bit_weights(smaller: Model) -> None:
    convolutions = [node for node in smaller.get_ops() if node.get_type_name() == "Convolution"]
    assert {stored_bits(node.input_value(1)) for node in convolutions} == {8}


def test_facewire_recognises_its_head(smaller: Model) -> None:
    raw = raw_network(NARROW, seed=0)
    assert head_of(smaller) == head_of(raw)


def test_the_tail_stays_in_floating_point(smaller: Model) -> None:
    def count(model: Model) -> int:
        types = [node.get_type_name() for node in model.get_ops()]
        return types.count("FakeQuantize")

    assert count(with_tail(smaller)) == count(smaller) > 0
