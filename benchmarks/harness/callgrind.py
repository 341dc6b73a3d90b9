"""Counts instructions by valgrind's callgrind; they do not depend on the load of the machine."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from benchmarks.harness.rounds import table
from facewire_ext import simd_levels

LEVELS = [name for name in simd_levels() if name != "avx512"]
"""Valgrind knows no AVX-512."""


def instruction_table(program: str, function: str, calls: Iterable[str]) -> str:
    """Instructions of every second call of a C function in a Python program, at each level.

    The calls in between warm up; `calls` names the others. Raises SystemExit without valgrind,
    subprocess.CalledProcessError.
    """
    if shutil.which("valgrind") is None:
        raise SystemExit("valgrind is not installed")
    counts = [_instructions(program, function, level) for level in LEVELS]
    return table(("instructions", *LEVELS), zip(calls, *counts, strict=True))


def _instructions(program: str, function: str, level: str) -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder, "calls")
        options = [f"--{what}={function}" for what in ("toggle-collect", "dump-after")]
        options.append(f"--callgrind-out-file={output}")
        subprocess.run(
            ["valgrind", "--tool=callgrind", *options, sys.executable, "-c", program],
            env={**os.environ, "FACEWIRE_EXT_SIMD": level},
            check=True,
            capture_output=True,
        )
        dumps = sorted(Path(folder).glob("calls.*"), key=lambda path: int(path.suffix[1:]))
        totals = [re.search(r"^totals: (\d+)", each.read_text(), re.MULTILINE) for each in dumps]
    return [f"{int(found[1]):,}" for found in totals[1::2] if found]
