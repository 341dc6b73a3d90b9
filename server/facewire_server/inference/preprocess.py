"""What is put around a network: 8-bit BGR pixels in, float32 and int32 out.

It becomes part of the graph, so that callers only ever write bytes.
"""

import openvino as ov
from openvino.preprocess import PrePostProcessor

from facewire_server.inference.heads import Head
from facewire_server.inference.network import Network


def converted(network: Network, head: Head) -> ov.Model:
    """The network with conversions at both ends; uses `network` up.

    The input becomes uint8 [1,H,W,3] in BGR; the outputs that the head reads become
    float32, integers int32.
    """
    metadata = head.metadata
    steps = PrePostProcessor(network.model)
    image = steps.input()
    image.tensor().set_element_type(ov.Type.u8).set_layout(ov.Layout("NHWC"))
    image.model().set_layout(ov.Layout(network.layout))
    convert = image.preprocess().convert_element_type(ov.Type.f32)
    if metadata.reverse_input_channels:
        convert = convert.reverse_channels()
    if metadata.mean:
        convert = convert.mean(_per_channel(metadata.mean))
    if metadata.scale:
        convert.scale(_per_channel(metadata.scale))
    for position in head.positions:
        integral = network.model.outputs[position].element_type.is_integral()
        steps.output(position).tensor().set_element_type(ov.Type.i32 if integral else ov.Type.f32)
    return steps.build()


def _per_channel(values: tuple[float, ...]) -> list[float]:
    return list(values) * 3 if len(values) == 1 else list(values)
