"""Builds the stand-in for face-detection-0206: its network with random weights.

    python -m benchmarks.rebuild_0206 --output DIR [--form raw|tail|both] [--int8]

It finds no faces. It is for size, memory and speed only, and its name says so; see
docs/rebuild.md. The command fails when the network's cost is not the published one.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import openvino as ov
from openvino import Model

from benchmarks.rebuild.network import raw_network
from benchmarks.rebuild.plan import NAME, Plan
from benchmarks.rebuild.quantization import quantized
from benchmarks.rebuild.specification import GFLOPS, MPARAMS, TOLERANCE, mparams
from benchmarks.rebuild.tail import with_tail
from facewire_server.inference.cost import cost

FORMS = ("raw", "tail")


def check_cost(model: Model) -> None:
    """Prints the network's cost beside the published one.

    Raises SystemExit when one of the numbers is off by more than 0.5 %.
    """
    rows = (
        ("GFLOPs", GFLOPS, cost(model).gflops),
        ("MParams", MPARAMS, mparams(model)),
    )
    print(f"{'':10}{'published':>12}{'rebuild':>12}{'off by':>10}")
    for name, published, rebuilt in rows:
        print(f"{name:10}{published:12.3f}{rebuilt:12.3f}{rebuilt / published - 1:10.2%}")
    if any(abs(rebuilt / published - 1) > TOLERANCE for _, published, rebuilt in rows):
        raise SystemExit(f"the rebuild is wrong: off by more than {TOLERANCE:.1%}")


def forms(raw: Model, suffix: str, wanted: tuple[str, ...]) -> Iterator[tuple[str, Model]]:
    """The wanted forms of one network, with the names of their files."""
    for form in wanted:
        model = raw if form == "raw" else with_tail(raw)
        yield f"{NAME}-{form}{suffix}.xml", model


def save(model: Model, path: Path) -> None:
    """Writes an IR with weights in FP16, where they are not in INT8."""
    ov.save_model(model, path, compress_to_fp16=True)
    size = path.with_suffix(".bin").stat().st_size
    print(f"{path}: weights {size / 1e6:.1f} MB")


def main() -> None:
    """Builds, counts, saves, and quantizes if asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, required=True, help="folder to write to")
    parser.add_argument("--form", choices=(*FORMS, "both"), default="both")
    parser.add_argument("--int8", action="store_true", help="quantize with NNCF as well")
    parser.add_argument("--samples", type=int, default=4, help="inputs to calibrate with")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    wanted = FORMS if arguments.form == "both" else (arguments.form,)
    raw = raw_network(Plan(), arguments.seed)
    check_cost(raw)
    arguments.output.mkdir(parents=True, exist_ok=True)
    for name, model in forms(raw, "", wanted):
        save(model, arguments.output / name)
    if arguments.int8:
        smaller = quantized(raw, samples=arguments.samples, seed=arguments.seed)
        for name, model in forms(smaller, "-int8", wanted):
            save(model, arguments.output / name)


if __name__ == "__main__":
    main()
