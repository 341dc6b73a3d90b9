"""Build the stand-in for face-detection-0206: its network with random weights.

It finds no faces. It is for size, memory and speed only, and its name says so; see
docs/rebuild.md. The command fails when the network's cost is not the published one.
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
from benchmarks.rebuild.network import NAME, Plan, raw_network
from benchmarks.rebuild.tail import with_tail
from facewire_server.inference.cost import cost

GFLOPS, MPARAMS = 339.602, 69.920
"""What Open Model Zoo states: two operations for each multiply-add of the convolutions,
and millions of parameters."""
TOLERANCE = 0.005
"""A rebuild is right when it is within this of both numbers."""
FORMS = ("raw", "tail")


def mparams(model: Model) -> float:
    """Millions of parameters of a network's convolutions and group norms.

    Weights that several levels share are counted once for each of them: only then
    does the network come near the published number.
    """
    weights = [
        node.input_value(1).shape
        for node in model.get_ops()
        if node.get_type_name() in ("Convolution", "GroupNormalization")
    ]
    # A bias for each kernel, a shift for each scale.
    return sum(math.prod(shape) + shape[0] for shape in weights) / 1e6


def check_cost(model: Model) -> None:
    """Print the network's cost beside the published one.

    Raises SystemExit when one of the numbers is off by more than 0.5 %.
    """
    rows = (("GFLOPs", GFLOPS, cost(model).gflops), ("MParams", MPARAMS, mparams(model)))
    print(f"{'':10}{'published':>12}{'rebuild':>12}{'off by':>10}")
    for name, published, rebuilt in rows:
        print(f"{name:10}{published:12.3f}{rebuilt:12.3f}{rebuilt / published - 1:10.2%}")
    if any(abs(rebuilt / published - 1) > TOLERANCE for _, published, rebuilt in rows):
        raise SystemExit(f"the rebuild is wrong: off by more than {TOLERANCE:.1%}")


def views(side: int, seed: int) -> Iterator[NDArray[np.float32]]:
    """Network inputs [1,3,side,side], BGR, 0..255: the whole photo, noise, then random
    square parts of the photo, without end."""
    random = np.random.default_rng(seed)
    photo = pixels()
    yield _input(photo, side)
    yield _input(random.integers(0, 256, (side, side, 3), np.uint8), side)
    shortest = min(photo.shape[:2])
    while True:
        size = int(random.integers(shortest // 4, shortest))
        top, left = (int(random.integers(0, end - size)) for end in photo.shape[:2])
        yield _input(photo[top : top + size, left : left + size], side)


def _input(image: NDArray[np.uint8], side: int) -> NDArray[np.float32]:
    resized = cv2.resize(image, (side, side))
    return np.ascontiguousarray(resized.transpose(2, 0, 1)[None], np.float32)


def quantized(raw: Model, *, samples: int, seed: int) -> Model:
    """The raw network with 8-bit weights and activations; `raw` is left as it is.

    Ranges are taken from `samples` inputs. Biases are not corrected: it would take
    minutes, change nothing of what an inference costs, and mend no accuracy where
    weights are random. The tail is added afterwards, so that it stays as it is, and
    so that both forms hold the same weights. Raises SystemExit without NNCF.
    """
    try:
        import nncf
    except ImportError:
        raise SystemExit("quantizing needs NNCF: pip install 'facewire[quantize]'") from None
    return nncf.quantize(
        raw,
        nncf.Dataset(list(islice(views(raw.inputs[0].shape[3], seed), samples))),
        subset_size=samples,
        advanced_parameters=nncf.AdvancedQuantizationParameters(disable_bias_correction=True),
    )


@click.command(help=__doc__)
@click.option("--output", type=click.Path(path_type=Path), required=True)
@click.option("--form", type=click.Choice([*FORMS, "both"]), default="both", show_default=True)
@click.option("--int8", is_flag=True, help="Quantize with NNCF as well.")
@click.option("--samples", type=int, default=4, help="Inputs to calibrate with.")
@click.option("--seed", type=int, default=0)
def main(output: Path, form: str, int8: bool, samples: int, seed: int) -> None:
    raw = raw_network(Plan(), seed)
    check_cost(raw)
    output.mkdir(parents=True, exist_ok=True)
    models = {"": raw}
    if int8:
        models["-int8"] = quantized(raw, samples=samples, seed=seed)
    for suffix, model in models.items():
        for each in FORMS if form == "both" else (form,):
            path = output / f"{NAME}-{each}{suffix}.xml"
            whole = model if each == "raw" else with_tail(model)
            ov.save_model(whole, path, compress_to_fp16=True)
            print(f"{path}: weights {path.with_suffix('.bin').stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
