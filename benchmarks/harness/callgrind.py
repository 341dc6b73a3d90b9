"""Instructions of a child process, counted by valgrind's callgrind.

They do not depend on how busy the machine is. Valgrind knows no AVX-512, so that the
extension runs at the level of avx2, or the widest there is below it.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from facewire_ext import simd_levels

LEVEL = [name for name in simd_levels() if name != "avx512"][-1]


def require_valgrind() -> None:
    """Raise SystemExit when valgrind is not installed."""
    if shutil.which("valgrind") is None:
        raise SystemExit("valgrind is not installed")


def instructions(program: str, *arguments: str, within: str = "") -> Counter[str]:
    """Instructions of a Python program, by library.

    `within` is the C function to count in, with all that it calls; empty: the program as
    a whole. Raises subprocess.CalledProcessError.
    """
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "callgrind.out"
        toggle = (f"--toggle-collect={within}",) if within else ()
        valgrind = ("valgrind", "--tool=callgrind", f"--callgrind-out-file={output}", *toggle)
        subprocess.run(
            [*valgrind, sys.executable, "-c", program, *arguments],
            env={**os.environ, "FACEWIRE_EXT_SIMD": LEVEL},
            check=True,
            capture_output=True,
        )
        annotate = ("callgrind_annotate", "--threshold=100", str(output))
        done = subprocess.run(annotate, check=True, capture_output=True, text=True)
    counts: Counter[str] = Counter()
    for line in done.stdout.splitlines():
        if found := re.match(r"\s*([\d,]+) \(.*\)  .*\[(.+)\]$", line):
            library = re.sub(r"-[0-9a-f]{8}", "", Path(found[2]).name)
            counts[library] += int(found[1].replace(",", ""))
    return counts
