"""The models and the servers that are compared, and the command that starts each."""

import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from platformdirs import user_cache_path

from benchmarks.comparison.protocols import FACEWIRE, OIP, Protocol
from benchmarks.harness.images import YUNET
from benchmarks.harness.program import free_port
from benchmarks.rivals import venvs

OURS, THROUGHPUT, LIMIT = "facewire", "facewire-throughput", "benchmark_app"


class Model(NamedTuple):
    """A model: its name here, its file, and how the rivals read its head.

    `duration` is how many times as long as a light one it is measured.
    """

    name: str
    path: Path
    head: str
    duration: float = 1.0


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
    "yunet-640": lambda: Model("yunet-640", YUNET / "yunet_n_640_640.onnx", "yunet"),
    "yunet-320": lambda: Model("yunet-320", YUNET / "yunet_n_320_320.onnx", "yunet"),
    "0206-int8": rebuild,
}


class ServerProgram(NamedTuple):
    """How a server is asked, its virtual environment (empty: this one), and its command.

    JOB in the command stands for the options of the job.
    """

    protocol: Protocol
    rival: str
    words: str

    def command(self, port: int, model: Path, job: Sequence[str]) -> list[str]:
        """The command; the first time that a rival is asked for it is installed."""
        python = venvs.python(self.rival) if self.rival else sys.executable
        command = [str(python), "-m"]
        for word in self.words.split():
            filled = word.format(port=port, http=free_port(), model=model)
            command += job if word == "JOB" else [filled]
        return command


_FACEWIRE = (
    "facewire_server serve --log-level error --metrics-port off --model {model} --port {port}"
)
_KSERVE = (
    "benchmarks.rivals.kserve_sdk JOB --grpc_port {port} --http_port {http}"
    " --grpc_max_send_message_length 67108864 --grpc_max_receive_message_length 67108864"
    " --enable_latency_logging false --hint"
)
_MLSERVER = "benchmarks.rivals.mlserver_runtime JOB --port {port} --http-port {http} --hint"

PROGRAMS = {
    OURS: ServerProgram(FACEWIRE, "", _FACEWIRE),
    THROUGHPUT: ServerProgram(FACEWIRE, "", f"{_FACEWIRE} --mode throughput"),
    "textbook": ServerProgram(
        FACEWIRE, "", "benchmarks.rivals.textbook_aio JOB --port {port} --hint throughput"
    ),
    "kserve": ServerProgram(OIP, "kserve", f"{_KSERVE} throughput"),
    "kserve-loop": ServerProgram(OIP, "kserve", f"{_KSERVE} latency --on-loop"),
    "mlserver": ServerProgram(OIP, "mlserver", f"{_MLSERVER} throughput"),
    "mlserver-worker": ServerProgram(OIP, "mlserver", f"{_MLSERVER} latency --worker"),
}
PEERS = ("kserve", "kserve-loop", "mlserver", "mlserver-worker")
RIVALS = tuple(name for name in PROGRAMS if name != OURS)
