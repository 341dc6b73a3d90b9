"""What Open Model Zoo states of face-detection-0206, and how it counts."""

import math

from openvino import Model

GFLOPS = 339.602
"""Two for each multiply-add of its convolutions."""

MPARAMS = 69.920
"""Millions of parameters."""

TOLERANCE = 0.005
"""A rebuild is right when it is within this of both numbers."""


def mparams(model: Model) -> float:
    """Millions of parameters of a network's convolutions and group norms.

    Weights that several levels share are counted once for each of them: only then
    does the network come near the published number.
    """
    count = 0
    for node in model.get_ops():
        kind = node.get_type_name()
        if kind in ("Convolution", "GroupNormalization"):
            weights = node.input_value(1).shape
            # A bias for each kernel, a shift for each scale.
            count += math.prod(weights) + weights[0]
    return count / 1e6
