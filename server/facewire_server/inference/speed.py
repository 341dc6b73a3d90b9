"""The CPU time of an inference, compared between networks in one run."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from facewire_server.config import Mode
from facewire_server.inference.engine import Engine
from facewire_server.inference.preprocess import PreprocessedNetwork
from facewire_server.inference.runtime import Runtime
from facewire_server.models.source import Source

ROUNDS = 11

LEAST_SECONDS = 0.05
"""How long each network runs in a round, at least."""


@dataclass(frozen=True, slots=True)
class Speed:
    """What a network was computed in, and the CPU seconds of an inference on one thread."""

    precision: str
    seconds: float


def compare(contenders: Sequence[tuple[Source, str | None]]) -> list[Speed]:
    """Measure networks, each in a precision (f32, bf16, f16; None: the device's choice).

    They take turns, so that what else the machine does meets all of them; the median of
    the rounds counts. Raises ModelError.
    """
    engines = [_engine(*each) for each in contenders]
    random = np.random.default_rng(1)
    for engine in engines:
        with engine.slot() as slot:
            slot.image[:] = random.integers(0, 256, slot.image.shape, np.uint8)
            slot.infer(exclusive=False)
    spent = [[_seconds(engine) for engine in engines] for _ in range(ROUNDS)]
    times = map(median, zip(*spent, strict=True))
    return [Speed(engine.precision, each) for engine, each in zip(engines, times, strict=True)]


def _engine(source: Source, precision: str | None) -> Engine:
    threads = {"INFERENCE_NUM_THREADS": "1"}
    runtime = Runtime(mode=Mode.LATENCY, inference_precision=precision, properties=threads)
    return Engine(PreprocessedNetwork.build(source, source.read()), runtime)


def _seconds(engine: Engine) -> float:
    """Return the CPU seconds of an inference, the mean of some."""
    started, runs = time.process_time(), 0
    with engine.slot() as slot:
        while not runs or time.process_time() - started < LEAST_SECONDS:
            slot.infer(exclusive=False)
            runs += 1
    return (time.process_time() - started) / runs
