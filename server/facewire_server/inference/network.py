"""Reading a network with OpenVINO: what goes in, what comes out, what it says."""

import tempfile
from functools import cache
from pathlib import Path

import openvino as ov

from facewire_server.errors import ModelError
from facewire_server.inference.cost import Cost, cost
from facewire_server.inference.heads import Output
from facewire_server.models.files import ModelFiles

FREE_INPUT_SIDE = 640
"""The side in pixels given to an input whose size the model leaves open."""


@cache
def core() -> ov.Core:
    """OpenVINO, once for the process, so that models share what they can."""
    openvino = ov.Core()
    # A mapped file of the cache that somebody overwrites while it serves would change
    # the model under way, or end the process with SIGBUS.
    openvino.set_property({"ENABLE_MMAP": False})
    return openvino


class Network:
    """A network that was made of its files and is not compiled yet."""

    def __init__(self, files: ModelFiles, size: tuple[int, int] | None = None) -> None:
        """Takes an IR or an ONNX file.

        `size` (width, height) in pixels is for an input that leaves it open; None: a
        square. Raises ModelError when it is no network, does not take one image of
        three channels, or has an input of another size.
        """
        path = files.path
        try:
            self.model = _parsed(files)
        except (RuntimeError, OSError) as error:
            raise ModelError(f"{path} cannot be read: {gist(error)}") from None
        self.layout = _fix_input(self.model, path, size)
        shape = dict(zip(self.layout, self.model.inputs[0].shape, strict=True))
        self.input_size = (shape["W"], shape["H"])
        """Width and height of the input in pixels."""
        if size not in (None, self.input_size):
            width, height = self.input_size
            raise ModelError(f"the input of {path} is fixed at {width} x {height}")

    @property
    def outputs(self) -> tuple[Output, ...]:
        """The outputs, in the network's order."""
        return outputs_of(self.model)

    @property
    def metadata(self) -> dict[str, str]:
        """The texts under `rt_info/model_info`; empty for a file without."""
        return metadata_of(self.model)

    @property
    def cost(self) -> Cost:
        """What it costs: parameters and arithmetic."""
        return cost(self.model)


def outputs_of(model: ov.Model) -> tuple[Output, ...]:
    """See Network.outputs."""
    return tuple(
        Output(
            tuple(sorted(output.names)),
            tuple(-1 if size.is_dynamic else size.get_length() for size in output.partial_shape),
            output.element_type.is_integral(),
        )
        for output in model.outputs
    )


def metadata_of(model: ov.Model) -> dict[str, str]:
    """See Network.metadata."""
    if not model.has_rt_info("model_info"):
        return {}
    values = model.rt_info["model_info"]
    return {key: str(value.value) for key, value in values.items()}


def gist(error: Exception) -> str:
    """The last line of OpenVINO's message; those before it are its source lines."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else "OpenVINO says nothing"


def _parsed(files: ModelFiles) -> ov.Model:
    """What OpenVINO makes of the bytes. Raises RuntimeError and OSError."""
    if files.is_ir:
        (weights,) = files.weights.values()
        return core().read_model(files.graph, weights)
    if not files.weights:
        return core().read_model(files.graph)
    # OpenVINO looks for what an ONNX file names beside it, and knows no other way.
    with tempfile.TemporaryDirectory(prefix="facewire-onnx-") as name:
        for relative, content in files.weights.items():
            copy = Path(name) / relative
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(content)
        graph = Path(name) / files.path.name
        graph.write_bytes(files.graph)
        return core().read_model(graph)


def _fix_input(model: ov.Model, path: Path, size: tuple[int, int] | None) -> str:
    """Gives the input a fixed size, and answers its layout: NCHW or NHWC."""
    if len(model.inputs) != 1:
        raise ModelError(f"{path} has {len(model.inputs)} inputs instead of one image")
    shape = model.inputs[0].partial_shape
    if shape.rank.is_dynamic or len(shape) != 4:
        raise ModelError(f"the input of {path} is {shape} instead of one image")
    layout = _layout(shape)
    if layout is None:
        raise ModelError(f"the input of {path} is {shape}: none of it is 3 channels")
    if shape.is_dynamic or shape[0].get_length() != 1:
        width, height = size or (FREE_INPUT_SIDE, FREE_INPUT_SIDE)
        sides = {"N": 1, "C": 3, "H": height, "W": width}
        model.reshape(
            [
                sides[axis] if side.is_dynamic or axis == "N" else side.get_length()
                for axis, side in zip(layout, shape, strict=True)
            ]
        )
    return layout


def _layout(shape: ov.PartialShape) -> str | None:
    for layout in ("NCHW", "NHWC"):
        channels = shape[layout.index("C")]
        if channels.is_static and channels.get_length() == 3:
            return layout
    return None
