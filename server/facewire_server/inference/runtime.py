"""The settings of an operator for networks: on which device they run, and how."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from facewire_server.config import Config, Mode
from facewire_server.system.cpu_quota import available_core_numbers, available_cores


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """Settings of the device, of compilation and of tiles.

    `inference_precision` is f32, bf16 or f16; None: the device's own choice.
    `properties` are passed to the device unchanged. `cache` is the folder for compiled
    networks; None: compile at every start. `requests` is how many requests one model
    runs at a time; None: the device's own choice. `threads` is how many CPU threads
    infer; None: one for each available core. `pinned`: whether OpenVINO may pin these to
    cores, as if no other process did the same. `tiles`: whether images are divided into tiles
    where requests do not say; None: for models that were trained on tiles.
    """

    device: str = "CPU"
    mode: Mode = Mode.ADAPTIVE
    inference_precision: str | None = None
    properties: Mapping[str, str] = field(default_factory=dict)
    cache: Path | None = None
    requests: int | None = None
    threads: int | None = None
    pinned: bool = True
    tiles: bool | None = None

    @classmethod
    def from_config(cls, config: Config, cores: int | None = None) -> Self:
        """Derive the settings for each model from a server's Config.

        Each of several models gets its share of the requests that the cores can run: all
        models together then have as many threads as a single one would have, and a single
        request still runs on all cores. `cores` is how many these are; None: all that are
        available. `threads` is set only where they are fewer than the process may run on.
        """
        cores, models = cores or available_cores(config.workers), len(config.models)
        chosen = config.inference_precision
        pairs = (text.partition("=") for text in config.device_properties)
        return cls(
            device=config.device,
            mode=Mode(config.mode),
            inference_precision=None if chosen == "auto" else chosen,
            properties={key: value for key, _, value in pairs},
            cache=config.cache if config.compile_cache else None,
            requests=None if models == 1 else -(-cores // models),
            threads=cores if cores < len(available_core_numbers()) else None,
            tiles={"off": False, "on": True}.get(config.tiles),
        )
