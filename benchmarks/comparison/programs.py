"""The models and the servers that are compared, and the command that starts each."""

import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_cache_path

from benchmarks.comparison.protocols import FACEWIRE, OIP, Protocol
from benchmarks.harness.images import SHARED
from benchmarks.harness.program import free_port, own_paths
from benchmarks.rivals import venvs

OURS = "facewire"
THROUGHPUT = "facewire-throughput"
_MESSAGE_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class Model:
    """A model: its name here, its file, and how the rivals read its head.

    `duration` is how many times as long as a light one it is measured.
    """

    name: str
    path: Path
    head: str
    duration: float = 1.0


def yunet(side: int) -> Model:
    """YuNet for square inputs of this side. Raises FileNotFoundError."""
    path = SHARED / "models" / "yunet" / f"yunet_n_{side}_{side}.onnx"
    if not path.is_file():
        raise FileNotFoundError(f"there is no {path}")
    return Model(f"yunet-{side}", path, "yunet")


def rebuild() -> Model:
    """The rebuild of face-detection-0206 in INT8, its tail in the graph.

    It is made in the user's cache folder when it is not there, for minutes. Raises
    subprocess.CalledProcessError.
    """
    folder = user_cache_path("facewire") / "benchmarks" / "rebuild"
    path = folder / "face-detection-0206-rebuild-tail-int8.xml"
    if not path.is_file():
        command = (sys.executable, "-m", "benchmarks.rebuild_0206", "--int8")
        options = ("--form", "tail", "--output", str(folder))
        subprocess.run([*command, *options], check=True, stdout=sys.stderr)
    return Model("0206-int8", path, "boxes_labels", duration=3.0)


MODELS: dict[str, Callable[[], Model]] = {
    "yunet-640": lambda: yunet(640),
    "yunet-320": lambda: yunet(320),
    "0206-int8": rebuild,
}


@dataclass(frozen=True, slots=True)
class ServerProgram:
    """How a server is started and asked.

    `command` is told the port, the model and the options of the job; the program
    imports from `paths`, besides its own environment.
    """

    protocol: Protocol
    command: Callable[[int, Model, Sequence[str]], list[str]]
    paths: Sequence[Path] = ()


def facewire(*options: str) -> ServerProgram:
    """This server, with options of `facewire-server serve`."""

    def command(port: int, model: Model, job: Sequence[str]) -> list[str]:
        return [
            *(sys.executable, "-m", "facewire_server", "serve", "--log-level", "error"),
            *("--model", str(model.path), "--port", str(port), *options),
        ]

    return ServerProgram(FACEWIRE, command, own_paths())


def _textbook() -> ServerProgram:
    def command(port: int, model: Model, job: Sequence[str]) -> list[str]:
        program = (sys.executable, "-m", "benchmarks.rivals.textbook_aio")
        return [*program, "--port", str(port), *job, "--hint", "throughput"]

    return ServerProgram(FACEWIRE, command, own_paths())


def _kserve(*options: str) -> ServerProgram:
    python = str(venvs.python("kserve"))

    def command(port: int, model: Model, job: Sequence[str]) -> list[str]:
        return [
            *(python, "-m", "benchmarks.rivals.kserve_sdk", *job, *options),
            *("--grpc_port", str(port), "--http_port", str(free_port())),
            *("--grpc_max_send_message_length", str(_MESSAGE_BYTES)),
            *("--grpc_max_receive_message_length", str(_MESSAGE_BYTES)),
            *("--enable_latency_logging", "false"),
        ]

    return ServerProgram(OIP, command)


def _mlserver(*options: str) -> ServerProgram:
    python = str(venvs.python("mlserver"))

    def command(port: int, model: Model, job: Sequence[str]) -> list[str]:
        program = (python, "-m", "benchmarks.rivals.mlserver_runtime", *job, *options)
        return [*program, "--port", str(port), "--http-port", str(free_port())]

    return ServerProgram(OIP, command)


PROGRAMS: dict[str, Callable[[], ServerProgram]] = {
    OURS: lambda: facewire("--metrics-port", "off"),
    THROUGHPUT: lambda: facewire("--metrics-port", "off", "--mode", "throughput"),
    "textbook": _textbook,
    "kserve": lambda: _kserve("--hint", "throughput"),
    "kserve-loop": lambda: _kserve("--hint", "latency", "--on-loop"),
    "mlserver": lambda: _mlserver("--hint", "throughput"),
    "mlserver-worker": lambda: _mlserver("--hint", "latency", "--worker"),
}
"""By name; asking for one may install it first."""
