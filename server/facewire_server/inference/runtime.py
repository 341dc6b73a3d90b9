"""How and where networks run: the OpenVINO settings that an operator chooses."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path


class Mode(StrEnum):
    """What a network is compiled for."""

    LATENCY = "latency"
    """Requests run one after the other, each on all cores."""

    THROUGHPUT = "throughput"
    """Requests run side by side, each on a part of the cores."""

    ADAPTIVE = "adaptive"
    """Both: a single request runs on all cores, several run side by side."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """Settings of the device and of compilation.

    `inference_precision` is f32, bf16 or f16; None: the device's own choice.
    `properties` are passed to the device unchanged. `cache` is the folder for compiled
    networks; None: compile at every start. `requests` is how many requests one model
    runs at a time; None: the device's own choice. `threads` is how many CPU threads
    infer; None: one for each available core.
    """

    device: str = "CPU"
    mode: Mode = Mode.ADAPTIVE
    inference_precision: str | None = None
    properties: Mapping[str, str] = field(default_factory=dict)
    cache: Path | None = None
    requests: int | None = None
    threads: int | None = None
