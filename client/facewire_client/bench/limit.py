"""What the network alone can do here: OpenVINO's benchmark_app on the same model.

It infers only: its input is random bytes that are filled in once, already as large as
the network wants them. No image is decoded or resized, no box is read. The input is of
type u8, as the server's is, but not interleaved.
"""

from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from typing import TYPE_CHECKING, Self

from facewire_client.bench.benchmark_app import BenchmarkAppError, benchmark_app
from facewire_client.bench.closed_loop import ClosedLoop
from facewire_client.bench.settings import Settings
from facewire_client.result import ModelInfo

if TYPE_CHECKING:
    from facewire_server.models.source import Source

_INSTALL = "--limit needs the server's packages: pip install 'facewire[server]'"
# What the server computes in, as benchmark_app spells it. INT8 is in the model.
_PRECISIONS = {"FP32": "f32", "FP16": "f16", "BF16": "bf16"}


class LimitError(Exception):
    """Why benchmark_app cannot be asked, and what to do about it."""


@dataclass(frozen=True, slots=True)
class Limit:
    """What benchmark_app measured: inferences a second and their median latency.

    `ratio` is the answers a second of the run over its `throughput`.
    """

    model: str
    hint: str
    throughput: float
    median_ms: float
    ratio: float
    openvino: str
    arguments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Yardstick:
    """The model that the server runs, and how to have benchmark_app run it.

    `hint` is OpenVINO's, `seconds` how long to measure.
    """

    source: "Source"
    served: ModelInfo | None
    hint: str
    seconds: float

    @classmethod
    def find(cls, model: str, served: ModelInfo | None, settings: Settings) -> Self:
        """Finds a model by name or path; empty: by the name of the served one.

        The hint is latency for a closed loop of one request, else throughput. Raises
        LimitError when OpenVINO is not installed, when there is no such model, and
        when its weights are not those that the server has.
        """
        alone = settings.load == ClosedLoop(1)
        hint = "latency" if alone else "throughput"
        return cls(_source(model, served), served, hint, settings.duration)

    @property
    def arguments(self) -> tuple[str, ...]:
        """What benchmark_app is told; device and precision are the server's."""
        return (
            *("-m", str(self.source.path), "-shape", _shape(self.source), "-ip", "u8"),
            *("-hint", self.hint, "-t", str(max(1, round(self.seconds)))),
            *_as_served(self.served),
        )

    def measure(self, answered: float) -> Limit:
        """Runs benchmark_app; `answered` is the rate of the run to compare with it.

        Raises LimitError when it fails.
        """
        arguments = self.arguments
        try:
            results = benchmark_app(arguments)
        except BenchmarkAppError as error:
            raise LimitError(f"benchmark_app failed: {error}") from None
        return Limit(
            model=str(self.source.path),
            hint=self.hint,
            throughput=results.throughput,
            median_ms=results.median_ms,
            ratio=answered / results.throughput,
            openvino=version("openvino"),
            arguments=arguments,
        )


def _source(model: str, served: ModelInfo | None) -> "Source":
    if find_spec("openvino") is None:
        raise LimitError(_INSTALL)
    try:
        from facewire_server.errors import FacewireError
        from facewire_server.models.source import Source
    except ModuleNotFoundError as error:
        raise LimitError(f"{error.name} is not installed; {_INSTALL}") from None
    name = model or (served.name if served else "")
    if not name:
        raise LimitError("the server does not tell its model; name that: --limit PATH")
    try:
        source = Source.find(name)
    except FacewireError as error:
        advice = "" if model else "; name the server's model: --limit PATH"
        raise LimitError(f"{error}{advice}") from None
    if served and served.sha256 != source.read().sha256:
        raise LimitError(
            f"{source.path} is not what the server runs ({served.name}"
            f" {served.version}); give the path of that: --limit PATH"
        )
    return source


def _shape(source: "Source") -> str:
    """The shape that the server gives to the network's input."""
    from facewire_server.inference.network import Network

    network = Network(source.read(), source.sidecar.input_size)
    return "[" + ",".join(map(str, network.model.inputs[0].shape)) + "]"


def _as_served(served: ModelInfo | None) -> tuple[str, ...]:
    if served is None:
        return ()
    precision = _PRECISIONS.get(served.precision)
    return (
        *("-d", served.device),
        *(("-infer_precision", precision) if precision else ()),
    )
