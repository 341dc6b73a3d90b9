"""Speeds are told in the order of the networks, with what these were computed in."""

from facewire_server.inference import speed
from facewire_server.models.source import Source


def test_each_network_has_a_precision_and_a_time() -> None:
    source = Source.find("face-detection-nano")
    first, other = speed.compare([(source, "f32"), (source, None)])
    assert first.precision == "FP32"
    assert other.precision in ("FP32", "BF16", "FP16")
    assert first.seconds > 0 and other.seconds > 0
