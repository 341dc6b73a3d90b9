"""What settings of a server accept: names to choose from, and ranges of numbers."""

from enum import StrEnum

from facewire_server.config.setting import Range

PRECISIONS = ("FP16", "FP32", "FP16-INT8")
"""Precisions of weights. The first one that a model is published in is its default."""

FILE_MODES = Range(lambda value: 0 <= value <= 0o777, "not within 0..0777, in octal digits")
SIZES = Range(lambda value: 0 < value <= 2047, "not within (0, 2047]")
WORKERS = Range(lambda value: 1 <= value <= 1024, "not within 1..1024")
"""Each worker loads the models again, and no machine has more cores."""


class Mode(StrEnum):
    """What a network is compiled for."""

    LATENCY = "latency"
    """Requests run one after the other, each on all cores."""

    THROUGHPUT = "throughput"
    """Requests run side by side, each on a part of the cores."""

    ADAPTIVE = "adaptive"
    """Both: a single request runs on all cores, several run side by side."""
