"""The least that a start can take: compile a model with OpenVINO and infer once.

    python -m benchmarks.cold_start_bare MODEL.xml [--cache DIR] [--hint THROUGHPUT]

Prints, as one JSON document, seconds since the process was started. With a cache, the
first run fills it and later ones read it. Nothing of facewire is imported: this is
what the server's own start is held against. Linux only.
"""

import argparse
import json
import os
import time
from pathlib import Path

import openvino as ov


def age() -> float:
    """Seconds since the kernel started this process, to a hundredth."""
    # The command's name is in brackets and may hold anything; field 22, the start in
    # ticks since boot, is the 20th after it.
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    started = int(fields[19]) / os.sysconf("SC_CLK_TCK")
    return time.clock_gettime(time.CLOCK_BOOTTIME) - started


def main() -> None:
    """Compiles, infers once on whatever the input's memory holds, and prints."""
    imported = age()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("--cache", type=Path, help="OpenVINO's CACHE_DIR")
    parser.add_argument("--device", default="CPU")
    parser.add_argument("--hint", default="THROUGHPUT", help="PERFORMANCE_HINT")
    arguments = parser.parse_args()
    settings = {"PERFORMANCE_HINT": arguments.hint}
    if arguments.cache:
        settings["CACHE_DIR"] = str(arguments.cache)
    compiled = ov.Core().compile_model(arguments.model, arguments.device, settings)
    ready = age()
    compiled.create_infer_request().infer()
    seconds = {"imported": imported, "compiled": ready, "answered": age()}
    print(json.dumps({name: round(value, 2) for name, value in seconds.items()}))


if __name__ == "__main__":
    main()
