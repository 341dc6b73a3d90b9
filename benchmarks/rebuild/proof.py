"""Proof that facewire reads a raw head just as the network's own tail does."""

import numpy as np

from benchmarks.rebuild.agreement import Agreement
from benchmarks.rebuild.cut import Cut
from benchmarks.rebuild.reading import Reading, head_of, random_head
from benchmarks.rebuild.runner import Runner

DRAWS = 4


def proven(parts: Cut) -> bool:
    """Whether the tail and facewire find the same boxes in the same random heads.

    The network itself is not run: only the tail, which takes a millisecond. Strides,
    anchors, deltas, fusion, clipping and suppression all show in the boxes; where one
    of them is not as facewire has it, this is False.
    """
    random = np.random.default_rng(0)
    side = parts.raw.inputs[0].shape[3]
    tail = Runner(parts.tail, side, "f32")
    head = head_of(parts.raw, side)
    shapes = [port.shape for port in parts.tail.inputs]
    for _ in range(DRAWS):
        arrays = random_head(shapes, random)
        tail.show(*arrays)
        tail.infer()
        if not Agreement.between(tail.read(), Reading(head, arrays, side)()).holds:
            return False
    return True
