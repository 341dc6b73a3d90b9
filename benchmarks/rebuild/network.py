"""The whole network, ending in the raw head."""

import numpy as np
from openvino import Model, Node
from openvino import opset15 as ops

from benchmarks.rebuild.backbone import backbone
from benchmarks.rebuild.head import head
from benchmarks.rebuild.layers import Layers
from benchmarks.rebuild.plan import KINDS, NAME, OCTAVE_BASE_SCALE, STRIDES, TARGET_STDS, Plan
from benchmarks.rebuild.pyramid import pyramid

# Of ImageNet in 0..255, in the order of the input: blue, green, red.
MEAN = (103.53, 116.28, 123.675)
STD = (57.375, 57.12, 58.395)

METADATA = {
    "model_type": "ATSS",
    "labels": "face",
    "confidence_threshold": "0.5",
    "iou_threshold": "0.5",
    "resize_type": "standard",
    "strides": " ".join(map(str, STRIDES)),
    "octave_base_scale": str(OCTAVE_BASE_SCALE),
    "target_stds": " ".join(map(str, TARGET_STDS)),
    "score_fusion": "product",
}


def raw_network(plan: Plan, seed: int) -> Model:
    """The network without its tail.

    Input `image`, float32 [1,3,side,side], BGR, 0..255. Outputs for each stride s
    `cls_s` [1,1,H,W], `bbox_s` [1,4,H,W] and `centerness_s` [1,1,H,W]: logits, deltas
    and logits. Its metadata says how facewire must read them.
    """
    layers = Layers(seed)
    image = ops.parameter([1, 3, plan.side, plan.side], np.float32, name="image")
    image.output(0).set_names({"image"})
    stages = backbone(_normalised(image), plan, layers)
    levels = head(pyramid(stages, plan, layers), plan, layers)
    results = []
    for index, kind in enumerate(KINDS):
        for stride, level in zip(STRIDES, levels, strict=True):
            level[index].output(0).set_names({f"{kind}_{stride}"})
            results.append(ops.result(level[index]))
    model = Model(results, [image], f"{NAME}-raw")
    for key, value in METADATA.items():
        model.set_rt_info(value, ["model_info", key])
    return model


def _normalised(image: Node) -> Node:
    mean = ops.constant(np.array(MEAN, np.float32).reshape(1, 3, 1, 1))
    factor = ops.constant(1 / np.array(STD, np.float32).reshape(1, 3, 1, 1))
    return ops.multiply(ops.subtract(image, mean), factor)
