"""Cutting a network with an in-graph tail in two: the raw head, and the tail alone.

Rule: the place is told from the structure, whatever the names, and only where every
level ends in exactly the three convolutions of an ATSS head. What the tail makes of
them is not read from the graph: `proof` finds that out by running it.
"""

from dataclasses import dataclass

import numpy as np
from openvino import Model, Node, Output
from openvino import opset15 as ops
from openvino.op import Constant

KINDS = ("cls", "bbox", "centerness")
"""What a raw network's outputs are called, kind by kind, each with its level's number:
class logits, deltas, centerness logits."""

TARGET_STDS = (0.1, 0.1, 0.2, 0.2)
"""What face-detection-0206 multiplies the deltas by."""

IOU_THRESHOLD_INPUT = 3
"""Which input of NonMaxSuppression it is."""

METADATA = {
    "model_type": "ATSS",
    "strides": "",
    "octave_base_scale": "",
    "score_fusion": "",
}
"""How boxes are made of a raw head; empty: as the head does by default."""

Level = tuple[Output, Output, Output]
"""Class logits, deltas, centerness."""


@dataclass(frozen=True, slots=True)
class Cut:
    """`raw` takes the image and ends in class logits, deltas and centerness, kind by
    kind; `tail` takes those, in the same order, and ends as the whole network."""

    raw: Model
    tail: Model


def cut(model: Model) -> Cut | None:
    """Cuts copies of `model`, which is left as it is; None: no tail is recognised.

    The raw network's metadata says that boxes are made as in face-detection-0206,
    which is a guess until it is proven, and nothing else. Raises RuntimeError where
    OpenVINO does not take one of the parts for a network.
    """
    threshold = _iou_threshold(model)
    if threshold is None:
        return None
    front, back = model.clone(), model.clone()
    levels, ends = _levels(front), _levels(back)
    if not levels or not ends:
        return None
    results = []
    for index, kind in enumerate(KINDS):
        for number, level in enumerate(levels):
            level[index].set_names({f"{kind}_{number}"})
            results.append(ops.result(level[index]))
    raw = Model(results, front.get_parameters(), "raw")
    own = {
        "iou_threshold": f"{threshold.data.item():g}",
        "target_stds": " ".join(map(str, _target_stds(threshold))),
    }
    for key, value in (METADATA | own).items():
        raw.set_rt_info(value, ["model_info", key])
    return Cut(raw, _tail(back, ends))


def _tail(model: Model, levels: list[Level]) -> Model:
    """What follows the levels, which become its inputs, kind by kind."""
    parameters = []
    for output in (level[index] for index in range(len(KINDS)) for level in levels):
        parameter = ops.parameter(list(output.shape), np.float32)
        output.replace(parameter.output(0))
        parameters.append(parameter)
    return Model(model.get_results(), parameters, "tail")


def _levels(model: Model) -> list[Level] | None:
    """What the head's last convolutions give, by ascending stride."""
    sizes: dict[tuple[int, ...], list[Node]] = {}
    for node in _last_layers(model):
        shape = node.output(0).partial_shape
        if node.get_type_name() != "Convolution" or shape.is_dynamic or len(shape) != 4:
            return None
        size = tuple(node.output(0).shape)[2:]
        sizes.setdefault(size, []).append(node)
    levels = [_level(sizes[size]) for size in sorted(sizes, reverse=True)]
    complete = [level for level in levels if level is not None]
    return complete if len(complete) == len(levels) else None


def _level(convolutions: list[Node]) -> Level | None:
    """The three convolutions of a level in the order of a head."""
    four = [node for node in convolutions if node.output(0).shape[1] == 4]
    one = [node for node in convolutions if node.output(0).shape[1] == 1]
    if (len(four), len(one)) != (1, 2):
        return None
    # The centerness comes from the same tower as the deltas. Were it the other way
    # round, their product would be the same.
    one.sort(key=lambda node: node.input_value(0) == four[0].input_value(0))
    return _finished(one[0]), _finished(four[0]), _finished(one[1])


def _finished(convolution: Node) -> Output:
    """Its output with bias, and the scale of the level if there is one."""
    output = convolution.output(0)
    while len(consumers := output.get_target_inputs()) == 1:
        node = consumers.pop().get_node()
        others = {value.get_node().get_type_name() for value in node.input_values()[1:]}
        if node.get_type_name() not in ("Add", "Multiply"):
            break
        if not others <= {"Constant", "Convert"} or node.output(0).shape != output.shape:
            break
        output = node.output(0)
    return output


def _last_layers(model: Model) -> list[Node]:
    """The closest convolutions on every way back from the results, and the input,
    should a way lead to it past them."""
    seen: set[str] = set()
    found = []
    waiting = model.get_results()
    while waiting:
        for value in waiting.pop().input_values():
            node = value.get_node()
            if node.get_name() in seen:
                continue
            seen.add(node.get_name())
            if node.get_type_name() in ("Convolution", "Parameter"):
                found.append(node)
            else:
                waiting.append(node)
    return found


def _iou_threshold(model: Model) -> Constant | None:
    """The threshold of its one suppression; None: there are more, or it varies."""
    nodes = model.get_ops()
    found = [node for node in nodes if node.get_type_name() == "NonMaxSuppression"]
    if len(found) != 1:
        return None
    source = found[0].input_value(IOU_THRESHOLD_INPUT).get_node()
    if source.get_type_name() == "Convert":  # kept in FP16
        source = source.input_value(0).get_node()
    return source if isinstance(source, Constant) else None


def _target_stds(constant: Constant) -> list[float]:
    """Those of 0206, rounded as this constant of the same tail is.

    An FP16 file holds 0.09998 and 0.19995, which shows in large deltas.
    """
    kind = np.float16 if constant.output(0).element_type.bitwidth == 16 else np.float32
    return [float(kind(std)) for std in TARGET_STDS]
