"""How many bits the weights of an operation have."""

from openvino import Output


def stored_bits(weights: Output) -> int:
    """Of the constant that the weights are made of."""
    while weights.get_node().get_type_name() != "Constant":
        weights = weights.get_node().input_value(0)
    return weights.element_type.bitwidth
