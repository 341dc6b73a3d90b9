"""Build the stand-in for face-detection-0206: its network with random weights.

It finds no faces. The command fails when its cost is not the published one.
"""

import math
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import click
import cv2
import numpy as np
import openvino as ov
from numpy.typing import NDArray
from openvino import Model

from benchmarks.harness.images import pixels
from facewire_server.inference.cost import cost
from facewire_server.inference.quantization import quantize
from tests.server.rebuild.network import NAME, Plan, raw_network
from tests.server.rebuild.tail import with_tail

GFLOPS, MPARAMS = 339.602, 69.920
"""What Open Model Zoo states: two operations for each multiply-add of the convolutions,
and millions of parameters."""
TOLERANCE = 0.005  # A rebuild is right when it is within this of both numbers
SAMPLES = 4  # inputs to calibrate with


def mparams(model: Model) -> float:
    """Millions of parameters of a network's convolutions and group norms.

    Shared weights are counted once for each level, as the published number does.
    """
    weights = [
        node.input_value(1).shape
        for node in model.get_ops()
        if node.get_type_name() in ("Convolution", "GroupNormalization")
    ]
    # A bias for each kernel, a shift for each scale.
    return sum(math.prod(shape) + shape[0] for shape in weights) / 1e6


def check_cost(model: Model) -> None:
    """Print the network's cost beside the published one. Raises SystemExit when that is wrong."""
    for name, published, rebuilt in (
        ("GFLOPs", GFLOPS, cost(model).gflops),
        ("MParams", MPARAMS, mparams(model)),
    ):
        off = rebuilt / published - 1
        print(f"{name}: published {published:.3f}, rebuild {rebuilt:.3f}, off by {off:.2%}")
        if abs(off) > TOLERANCE:
            raise SystemExit(f"the rebuild is wrong: off by more than {TOLERANCE:.1%}")


def views(side: int, seed: int) -> Iterator[NDArray[np.float32]]:
    """Network inputs [1,3,side,side], BGR, 0..255: the whole photo, noise, then random
    square parts of the photo, without end."""
    random, photo = np.random.default_rng(seed), pixels()
    images = [photo, random.integers(0, 256, (side, side, 3), np.uint8)]
    while True:
        for image in images:
            resized = cv2.resize(image, (side, side))
            yield np.ascontiguousarray(resized.transpose(2, 0, 1)[None], np.float32)
        size = int(random.integers(min(photo.shape[:2]) // 4, min(photo.shape[:2])))
        top, left = (int(random.integers(0, end - size)) for end in photo.shape[:2])
        images = [photo[top : top + size, left : left + size]]


def quantized(raw: Model, *, samples: int, seed: int) -> Model:
    """The raw network with 8-bit weights and activations; `raw` is left as it is.

    Biases are not corrected, which would cost minutes and mend no random weights. Raises
    CommandError without NNCF.
    """
    inputs = list(islice(views(raw.inputs[0].shape[3], seed), samples))
    return quantize(raw, inputs, subset_size=samples, corrects_biases=False)


@click.command(help=__doc__)
@click.option("--output", type=click.Path(path_type=Path), required=True)
@click.option("--int8", is_flag=True, help="Quantize with NNCF as well.")
@click.option("--seed", type=int, default=0)
def main(output: Path, int8: bool, seed: int) -> None:
    raw = raw_network(Plan(), seed)
    check_cost(raw)
    output.mkdir(parents=True, exist_ok=True)
    models = {"": raw}
    if int8:
        models["-int8"] = quantized(raw, samples=SAMPLES, seed=seed)
    for suffix, model in models.items():
        for form, whole in (("raw", model), ("tail", with_tail(model))):
            path = output / f"{NAME}-{form}{suffix}.xml"
            ov.save_model(whole, path, compress_to_fp16=True)
            print(f"{path}: weights {path.with_suffix('.bin').stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
