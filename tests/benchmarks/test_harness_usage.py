"""What is measured of a process and its children."""

import subprocess
import sys

import psutil
import pytest

from benchmarks.harness import usage

BUSY_CHILD = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
memory = bytearray(80_000_000)
began = time.process_time()
while time.process_time() - began < 0.2:
    pass
print("ready", flush=True)
sys.stdin.read()
child.kill()
child.wait()
"""


def test_a_process_and_its_child_are_measured_together() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", BUSY_CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin and process.stdout
        assert process.stdout.readline() == b"ready\n"
        assert len(usage.tree(process.pid)) == 2
        assert usage.cpu_seconds(process.pid) >= 0.19
        assert usage.resident_mb(process.pid) > 80
        assert usage.threads(process.pid) == 2
        assert usage.file_descriptors(process.pid) >= 6
        with usage.Usage(process.pid) as used:
            pass
        assert used.peak_mb > 80
        process.stdin.close()
    with pytest.raises(psutil.NoSuchProcess):
        usage.cpu_seconds(process.pid)
