"""Counts the instructions of one call of `decode_atss`, with valgrind's callgrind.

Rule: the child process makes its calls with everything else left out of the count, so
the number is that of the call alone, interpreter included, and does not depend on how
busy the machine is. Valgrind knows no AVX-512: the level is avx2, or the best there is.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from facewire_ext import simd_levels

CALLS = 10
COUNTED = "__pyx_pw_12facewire_ext_5_atss_1decode_atss"
CHILD = """
from benchmarks.postprocessing_data import atss_levels
from benchmarks.postprocessing_extension import atss_extension
detect = atss_extension(atss_levels(640, {count}, 0.02), 640)
for _ in range({calls}):
    detect({confidence})
"""


def count_instructions() -> int:
    """Prints the table; 1 when valgrind is not there."""
    if shutil.which("valgrind") is None:
        print("valgrind is not installed", file=sys.stderr)
        return 1
    level = [name for name in simd_levels() if name != "avx512"][-1]
    print(f"\ninstructions of one call of decode_atss, 34,100 locations, level {level}")
    print(f"{'none found':>16} {instructions(50, 1.0, level):12,}")
    for count in (50, 500, 5000):
        print(f"{count:5} over 0.02 {instructions(count, 0.02, level):12,}", flush=True)
    return 0


def instructions(count: int, confidence: float, level: str) -> int:
    program = CHILD.format(count=count, calls=CALLS, confidence=confidence)
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "callgrind.out"
        subprocess.run(
            [
                "valgrind",
                "--tool=callgrind",
                f"--callgrind-out-file={output}",
                f"--toggle-collect={COUNTED}",
                sys.executable,
                "-c",
                program,
            ],
            env={**os.environ, "FACEWIRE_EXT_SIMD": level},
            check=True,
            capture_output=True,
        )
        total = re.search(r"^(?:summary|totals): (\d+)", output.read_text(), re.MULTILINE)
    if total is None:
        raise ValueError("callgrind's output has no total")
    return int(total[1]) // CALLS
