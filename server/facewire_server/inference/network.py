"""Reading a network with OpenVINO: its input, its outputs, its metadata."""

import tempfile
from functools import cache
from pathlib import Path

import openvino as ov

from facewire_server.errors import ModelError
from facewire_server.inference.cost import Cost, cost
from facewire_server.inference.heads import Output
from facewire_server.models import onnx_metadata
from facewire_server.models.exporters import embedded_size
from facewire_server.models.files import ModelFiles
from facewire_server.models.signature import DTYPES, Signature, Tensor
from facewire_server.models.values import Settings

DEFAULT_SIZE = (640, 640)
"""Width and height in pixels of an input whose size the model leaves open."""


@cache
def core() -> ov.Core:
    """Return the process's only OpenVINO core, so that models share its threads."""
    openvino = ov.Core()
    # With a memory-mapped cache file, an overwrite by another process would change the
    # model in use, and a truncation would end this process with SIGBUS.
    openvino.set_property({"ENABLE_MMAP": False})
    return openvino


class Network:
    """A network that OpenVINO has parsed and not yet compiled."""

    def __init__(self, files: ModelFiles, size: tuple[int, int] | None = None) -> None:
        """Parse an IR or an ONNX file and fix the size of its input.

        `size` (width, height) in pixels is for an input whose size is open; None: that of
        its metadata, else 640 x 640. A graph that resizes by itself gets the size that it
        resizes to. Raises ModelError if the file is no network, does not take exactly one
        image of three channels, works only with another size or batch, or has malformed
        metadata.
        """
        path = files.path
        try:
            self.model = _parse(files)
        except (RuntimeError, OSError) as error:
            raise ModelError(f"{path} cannot be read: {short_message(error)}") from error
        inner = embedded_size(self.metadata)
        default = onnx_metadata.open_size(self.metadata) or DEFAULT_SIZE
        self.layout, self.has_open_size = _fix_input(
            self.model, path, inner or size or default, resizes=inner is not None
        )
        """Layout of the input (NCHW or NHWC), and whether the file leaves its size open."""
        shape = dict(zip(self.layout, self.model.inputs[0].shape, strict=True))
        self.input_size = (shape["W"], shape["H"])
        """Width and height of the input in pixels."""
        if size not in (None, self.input_size):
            width, height = self.input_size
            raise ModelError(f"the input of {path} is fixed at {width} x {height}")

    @property
    def outputs(self) -> tuple[Output, ...]:
        """The outputs, in the network's order."""
        return tuple(
            Output(
                tuple(sorted(output.names)),
                _sizes(output),
                output.element_type.is_integral(),
            )
            for output in self.model.outputs
        )

    @property
    def signature(self) -> Signature | None:
        """Its own input and outputs; None: callers cannot send its input.

        They can unless one of its types is no plain number, an output has no name of its own,
        or the input is pixels, channels last, which are taken for an image of any size.
        """
        taken = _tensor(self.model.inputs[0])
        returned = tuple(_tensor(port) for port in self.model.outputs)
        known = all(tensor.datatype in DTYPES for tensor in (taken, *returned))
        named = len({tensor.name for tensor in returned} - {""}) == len(returned)
        return Signature(taken, returned) if known and named and self.layout == "NCHW" else None

    @property
    def metadata(self) -> Settings:
        """The settings in the file; empty if it has none. Raises ModelError.

        An IR has them below `rt_info/model_info`. The `metadata_props` of an ONNX file are
        what OpenVINO calls `framework`, also in an IR that was converted from it.
        """
        return self._texts("model_info") or onnx_metadata.settings_of(self._texts("framework"))

    @property
    def cost(self) -> Cost:
        """The number of its parameters, and of its operations for one image."""
        return cost(self.model)

    def _texts(self, name: str) -> dict[str, str]:
        """Return the texts of a group of `rt_info`; empty if there is none."""
        group = self.model.rt_info[name] if self.model.has_rt_info(name) else {}
        if not isinstance(group, dict):
            return {}
        return {key: str(value.value) for key, value in group.items()}


def short_message(error: Exception) -> str:
    """Return the last line of OpenVINO's message: the lines before it name its sources."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else "OpenVINO says nothing"


def _tensor(port: ov.Output) -> Tensor:
    """Describe an input or output."""
    return Tensor(min(port.names, default=""), _datatype(port.element_type), _sizes(port))


def _datatype(kind: ov.Type) -> str:
    """The name of an element type in the Open Inference Protocol: FP32 for f32."""
    name = kind.get_type_name()
    if name == "boolean":
        return "BOOL"
    kinds = {"f": "FP", "i": "INT", "u": "UINT"}
    return kinds.get(name[0], "") + name[1:]


def _sizes(port: ov.Output) -> tuple[int, ...]:
    """The sizes of its dimensions, -1 for those known only after an inference."""
    return tuple(-1 if size.is_dynamic else size.get_length() for size in port.partial_shape)


def _parse(files: ModelFiles) -> ov.Model:
    """Parse the bytes of a model's files. Raises RuntimeError and OSError."""
    if files.is_ir:
        (weights,) = files.weights.values()
        return core().read_model(files.graph, weights)
    if not files.weights:
        return core().read_model(files.graph)
    # OpenVINO reads the external data of an ONNX model only from files beside it.
    with tempfile.TemporaryDirectory(prefix="facewire-onnx-") as name:
        for relative, content in files.weights.items():
            copy = Path(name) / relative
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(content)
        graph = Path(name) / files.path.name
        graph.write_bytes(files.graph)
        return core().read_model(graph)


def _fix_input(
    model: ov.Model, path: Path, size: tuple[int, int], *, resizes: bool
) -> tuple[str, bool]:
    """Give the input a fixed size and batch 1.

    `size` (width, height) in pixels is for sides that are open. Returns its layout, NCHW or
    NHWC, and whether its size was open. `resizes`: the graph can take an image of any
    size. Raises ModelError.
    """
    if len(model.inputs) != 1:
        raise ModelError(f"{path} has {len(model.inputs)} inputs instead of one image")
    shape = model.inputs[0].partial_shape
    if shape.rank.is_dynamic or len(shape) != 4:
        raise ModelError(f"the input of {path} is {shape} instead of one image")
    layout = _layout(shape)
    if layout is None:
        raise ModelError(f"the input of {path} is {shape}: none of it is 3 channels")
    if resizes or shape.is_dynamic or shape[0].get_length() != 1:
        sides = {"N": 1, "C": 3, "H": size[1], "W": size[0]}
        fixed = [
            sides[axis] if resizes or side.is_dynamic or axis == "N" else side.get_length()
            for axis, side in zip(layout, shape, strict=True)
        ]
        _reshape(model, path, fixed)
    return layout, any(shape[layout.index(axis)].is_dynamic for axis in "HW")


def _reshape(model: ov.Model, path: Path, sides: list[int]) -> None:
    """Fix the shape of the input. Raises ModelError if the graph has another one inside."""
    shape = model.inputs[0].partial_shape
    try:
        model.reshape(sides)
    except RuntimeError as error:
        fixed = ",".join(map(str, sides))
        raise ModelError(
            f"the network in {path} has an input of {shape} and does not work with [{fixed}], as"
            f" if another batch or size were fixed inside ({short_message(error)}); export it"
            " for one image, or set input_width and input_height"
        ) from None


def _layout(shape: ov.PartialShape) -> str | None:
    """Find the axis of 3 channels; NCHW wins where both would fit."""
    for layout in ("NCHW", "NHWC"):
        channels = shape[layout.index("C")]
        if channels.is_static and channels.get_length() == 3:
            return layout
    return None
