"""Signals that come before a server is there to handle them."""

import re
import signal
import subprocess
import sys

import pytest

SEND_BEFORE_IMPORT = """
import os
import sys

number, module = int(sys.argv[1]), sys.argv[2]

class Sender:
    def find_spec(self, name, path=None, target=None):
        if name == module:
            sys.meta_path.remove(self)
            os.kill(os.getpid(), number)

sys.meta_path.insert(0, Sender())
sys.argv = ["facewire-server", "serve", *sys.argv[3:]]
from facewire_server.__main__ import main
main()
"""
"""A server that sends itself a signal when it is about to import a module."""

MOMENTS = (
    *("click", "facewire_server.cli.serve", "openvino", "uvloop"),
    "facewire_server.lifecycle.run",
)


def started(number: int, module: str, *arguments: str) -> subprocess.Popen[str]:
    ports = ("--port", "0", "--metrics-port", "off")
    return subprocess.Popen(
        [
            *(sys.executable, "-c", SEND_BEFORE_IMPORT, str(int(number)), module),
            *(*ports, *arguments),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("module", MOMENTS)
def test_a_signal_during_the_start_ends_it_with_success_and_without_output(
    number: signal.Signals, module: str
) -> None:
    with started(number, module) as process:
        out, errors = process.communicate(timeout=60)
    assert (process.returncode, out) == (0, "")
    assert "Aborted" not in errors
    assert "Traceback" not in errors


@pytest.mark.parametrize(
    ("module", "workers"),
    [
        *((module, "1") for module in MOMENTS),
        ("facewire_server.workers.supervisor", "2"),
    ],
)
def test_a_hangup_during_the_start_reloads_when_the_models_are_loaded(
    module: str, workers: str
) -> None:
    with started(signal.SIGHUP, module, "--workers", workers) as process:
        try:
            assert process.stdout is not None
            assert process.stderr is not None
            assert "listening on" in process.stdout.readline()
            assert any(re.search("INFO .* reloaded: ", line) for line in process.stderr)
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=60)
            assert process.returncode == 0
        finally:
            process.kill()
