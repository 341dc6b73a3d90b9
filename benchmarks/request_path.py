"""Where the time of one request goes, from its bytes to the bytes of its answer.

    python -m benchmarks.request_path [--model FILE] [--image FILE] [--rounds 200]
    python -m benchmarks.request_path --callgrind

Walks the server's own path in one thread, without gRPC, and prints the least time that
each step took. With --callgrind it counts the instructions of all of it by library, for
a network that computes nothing: valgrind does not know all instructions that OpenVINO
would choose for another.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from benchmarks.nothing import save_network
from facewire.v1 import detect_pb2 as pb
from facewire_ext import simd_levels
from facewire_server.config import Mode
from facewire_server.image.decode import decode
from facewire_server.image.limits import ImageLimits
from facewire_server.inference.detector import Detector
from facewire_server.inference.runtime import Runtime
from facewire_server.models.source import DATA, EMBEDDED, Source
from facewire_server.rpc import converters
from facewire_server.scheduling.job import Outcome

LIMITS = ImageLimits(64_000_000)
FEW, MANY = 10, 40
"""How often callgrind's two programs walk: what they differ by is the walk's."""

CHILD = """
import sys
from pathlib import Path
from benchmarks.request_path import Walk
walk = Walk(sys.argv[1], Path(sys.argv[2]))
for _ in range(int(sys.argv[3])):
    walk.once()
"""


class Walk:
    """The path of one request."""

    def __init__(self, model: str, image: Path) -> None:
        self._detector = Detector(Source.find(model), Runtime(mode=Mode.THROUGHPUT))
        request = pb.DetectRequest(encoded_image=image.read_bytes())
        self._message = request.SerializeToString()

    def once(self) -> dict[str, float]:
        """Seconds each step has taken."""
        started = time.perf_counter()
        request = pb.DetectRequest.FromString(self._message)
        options = converters.options(request.options)
        image = converters.image(request, reducible=True)
        parsed = time.perf_counter()
        detections = self._detector.detect(image, options, LIMITS)
        detected = time.perf_counter()
        outcome = Outcome(detections, waited=0)
        converters.response(outcome, total=0).SerializeToString()
        answered = time.perf_counter()
        stages = detections.stages
        return {
            "read the message": parsed - started,
            "decode and fit": stages.decode,
            "inference": stages.inference,
            "boxes": stages.postprocess,
            "write the answer": answered - detected,
        }

    def decode(self) -> float:
        """Seconds that decoding alone takes."""
        request = pb.DetectRequest.FromString(self._message)
        data, target = request.encoded_image, self._detector.target
        started = time.perf_counter()
        decode(data, limits=LIMITS, target=target)
        return time.perf_counter() - started


def print_times(model: str, image: Path, rounds: int) -> None:
    """The least of many rounds, so that what else the machine does counts least."""
    walk = Walk(model, image)
    walks = [walk.once() for _ in range(rounds)]
    print(f"{Path(model).stem}, {image.name}, {rounds} rounds, least ms of each step")
    for step in walks[0]:
        print(f"{step:18}{min(each[step] for each in walks) * 1000:8.3f}")
    least = min(walk.decode() for _ in range(rounds))
    print(f"(decode alone     {least * 1000:8.3f})")


def print_instructions(image: Path) -> int:
    """Thousands of instructions of one walk, by library; 1 without valgrind."""
    if shutil.which("valgrind") is None:
        print("valgrind is not installed", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as folder:
        network = Path(folder) / "nothing.xml"
        save_network(network)
        few = _count(network, image, FEW)
        many = _count(network, image, MANY)
    print(f"{image.name}: thousands of instructions of one request, by library")
    for library, count in (many - few).most_common(12):
        print(f"{library:44}{count / (MANY - FEW) / 1000:10.1f}")
    total = (many.total() - few.total()) / (MANY - FEW)
    print(f"{'in all':44}{total / 1000:10.1f}")
    return 0


def _count(network: Path, image: Path, walks: int) -> Counter[str]:
    """Instructions by library, of a process that walks so often."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "callgrind.out"
        level = [name for name in simd_levels() if name != "avx512"][-1]
        valgrind = ("valgrind", "--tool=callgrind", f"--callgrind-out-file={output}")
        program = (sys.executable, "-c", CHILD, str(network), str(image), str(walks))
        subprocess.run(
            [*valgrind, *program],
            env={**os.environ, "FACEWIRE_EXT_SIMD": level},
            check=True,
            capture_output=True,
        )
        annotate = ("callgrind_annotate", "--threshold=100", str(output))
        done = subprocess.run(annotate, check=True, capture_output=True, text=True)
    counts: Counter[str] = Counter()
    for line in done.stdout.splitlines():
        found = re.match(r"\s*([\d,]+) \(.*\)  .*\[(.+)\]$", line)
        if found:
            name = re.sub(r"-[0-9a-f]{8}", "", Path(found[2]).name)
            counts[name] += int(found[1].replace(",", ""))
    return counts


def main() -> int:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description="The path of one request")
    parser.add_argument("--model", default=EMBEDDED)
    parser.add_argument("--image", type=Path, default=DATA / "astronaut.jpg")
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--callgrind", action="store_true")
    given = parser.parse_args()
    if given.callgrind:
        return print_instructions(given.image)
    print_times(given.model, given.image, given.rounds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
