"""How and where networks run: the settings of OpenVINO that an operator chooses."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path


class Mode(StrEnum):
    """What a network is compiled for."""

    LATENCY = "latency"
    """Each request gets all cores, one after the other."""

    THROUGHPUT = "throughput"
    """Requests run side by side, each on its part of the cores."""

    ADAPTIVE = "adaptive"
    """Both: a request that is alone gets all cores, others run side by side."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """`inference_precision` (f32, bf16 or f16) None: as the device chooses.

    `properties` go to the device as they are; `cache` is the folder for compiled
    networks, None: they are compiled at every start. `requests` is how many a model
    shall work on at a time, None: as many as the device likes; `threads` is how many
    of a CPU infer, None: as many as there are cores for them.
    """

    device: str = "CPU"
    mode: Mode = Mode.ADAPTIVE
    inference_precision: str | None = None
    properties: Mapping[str, str] = field(default_factory=dict)
    cache: Path | None = None
    requests: int | None = None
    threads: int | None = None
