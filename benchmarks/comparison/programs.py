"""The servers that are compared, and the command that starts each."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.comparison.dialect import FACEWIRE, Dialect
from benchmarks.comparison.models import Model
from benchmarks.comparison.oip import OIP
from benchmarks.comparison.process_group import free_port, own_paths
from benchmarks.rivals import venvs

OURS = "facewire"
THROUGHPUT = "facewire-throughput"

Command = list[str]
_LIMIT = 64 << 20


@dataclass(frozen=True, slots=True)
class Program:
    """How a server is started and asked.

    `command` is told the port, the model and the options of the job; the program
    imports from `paths`, besides its own environment.
    """

    dialect: Dialect
    command: Callable[[int, Model, Sequence[str]], Command]
    paths: Sequence[Path] = ()


def facewire(*options: str) -> Program:
    """This server, with options of `facewire-server serve`."""

    def command(port: int, model: Model, job: Sequence[str]) -> Command:
        return [
            *(sys.executable, "-m", "facewire_server", "serve", "--log-level", "error"),
            *("--model", str(model.path), "--port", str(port), *options),
        ]

    return Program(FACEWIRE, command, own_paths())


def _textbook() -> Program:
    def command(port: int, model: Model, job: Sequence[str]) -> Command:
        program = (sys.executable, "-m", "benchmarks.rivals.textbook_aio")
        return [*program, "--port", str(port), *job, "--hint", "throughput"]

    return Program(FACEWIRE, command, own_paths())


def _kserve(*options: str) -> Program:
    python = str(venvs.python("kserve"))

    def command(port: int, model: Model, job: Sequence[str]) -> Command:
        return [
            *(python, "-m", "benchmarks.rivals.kserve_sdk", *job, *options),
            *("--grpc_port", str(port), "--http_port", str(free_port())),
            *("--grpc_max_send_message_length", str(_LIMIT)),
            *("--grpc_max_receive_message_length", str(_LIMIT)),
            *("--enable_latency_logging", "false"),
        ]

    return Program(OIP, command)


def _mlserver(*options: str) -> Program:
    python = str(venvs.python("mlserver"))

    def command(port: int, model: Model, job: Sequence[str]) -> Command:
        program = (python, "-m", "benchmarks.rivals.mlserver_runtime", *job, *options)
        return [*program, "--port", str(port), "--http-port", str(free_port())]

    return Program(OIP, command)


PROGRAMS: dict[str, Callable[[], Program]] = {
    OURS: lambda: facewire("--metrics-port", "off"),
    THROUGHPUT: lambda: facewire("--metrics-port", "off", "--mode", "throughput"),
    "textbook": _textbook,
    "kserve": lambda: _kserve("--hint", "throughput"),
    "kserve-loop": lambda: _kserve("--hint", "latency", "--on-loop"),
    "mlserver": lambda: _mlserver("--hint", "throughput"),
    "mlserver-worker": lambda: _mlserver("--hint", "latency", "--worker"),
}
"""By name; asking for one may install it first."""
