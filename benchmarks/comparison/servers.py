"""The models and the servers that are compared, and the command that starts each."""

import hashlib
import shutil
import subprocess
import sys
import venv
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from platformdirs import user_cache_path

from benchmarks.comparison.protocols import FACEWIRE, FACEWIRE_OIP, OIP, Protocol
from benchmarks.harness.images import PUBLISHED_0205, YUNET
from benchmarks.harness.program import free_port

OURS, OURS_V2, LIMIT = "facewire", "facewire-v2", "benchmark_app"
THROUGHPUT = "facewire-throughput"
CACHE = user_cache_path("facewire") / "benchmarks"


class Model(NamedTuple):
    """A model: its name, its file, and how rivals read its head."""

    name: str
    path: Path
    head: str


FD_0205 = Model("0205", PUBLISHED_0205, "boxes_labels")
YUNET_640 = Model("YuNet 640", YUNET / "yunet_n_640_640.onnx", "yunet")
# What does the job is the same as here, so that only the server differs.
_OWN = [f"{name}=={version(name)}" for name in ("numpy", "opencv-python-headless", "openvino")]
PINNED = {
    "kserve": ("kserve==0.21.0",),
    # Its default worker fails with uvloop 0.23.
    "mlserver": ("mlserver==1.7.1", "uvloop==0.21.0"),
}


def rival_python(rival: str) -> Path:
    """The interpreter of a rival's environment; the first time pip installs it, for minutes."""
    wanted = (*PINNED[rival], *_OWN)
    told = "\n".join((sys.version, *wanted))
    folder = CACHE / f"{rival}-{hashlib.sha256(told.encode()).hexdigest()[:12]}"
    interpreter, made = folder / "bin" / "python", folder / "complete"
    if not made.exists():
        print(f"installing {' '.join(wanted)} in {folder}", file=sys.stderr)
        shutil.rmtree(folder, ignore_errors=True)
        venv.create(folder, with_pip=True)
        pip = (interpreter, "-m", "pip", "install", "--quiet")
        subprocess.run([*pip, *wanted], check=True, stdout=sys.stderr)
        made.touch()
    return interpreter


class ServerProgram(NamedTuple):
    """How a server is asked, its environment (empty: this one), and its command."""

    protocol: Protocol
    rival: str
    words: str

    def command(self, port: int, model: Path, job: Sequence[str]) -> list[str]:
        """The command; a rival is installed the first time."""
        python = rival_python(self.rival) if self.rival else sys.executable
        command = [str(python), "-m"]
        for word in self.words.split():
            filled = word.format(port=port, http=free_port(), model=model)
            command += job if word == "JOB" else [filled]
        return command


_FACEWIRE = (
    "facewire_server serve --log-level error --metrics-port off --model {model} --port {port}"
)
_TEXTBOOK = "benchmarks.rivals.textbook_aio JOB --port {port} --hint throughput"
_KSERVE = (
    "benchmarks.rivals.kserve_sdk JOB --grpc_port {port} --http_port {http}"
    " --grpc_max_send_message_length 67108864 --grpc_max_receive_message_length 67108864"
    " --enable_latency_logging false --hint"
)
_MLSERVER = "benchmarks.rivals.mlserver_runtime JOB --port {port} --http-port {http} --hint"
PROGRAMS = {
    OURS: ServerProgram(FACEWIRE, "", _FACEWIRE),
    OURS_V2: ServerProgram(FACEWIRE_OIP, "", _FACEWIRE),
    THROUGHPUT: ServerProgram(FACEWIRE, "", f"{_FACEWIRE} --mode throughput"),
    "textbook": ServerProgram(FACEWIRE, "", _TEXTBOOK),
    "kserve": ServerProgram(OIP, "kserve", f"{_KSERVE} throughput"),
    "kserve-loop": ServerProgram(OIP, "kserve", f"{_KSERVE} latency --on-loop"),
    "mlserver": ServerProgram(OIP, "mlserver", f"{_MLSERVER} throughput"),
    "mlserver-worker": ServerProgram(OIP, "mlserver", f"{_MLSERVER} latency --worker"),
}
PEERS = ("kserve", "kserve-loop", "mlserver", "mlserver-worker")
