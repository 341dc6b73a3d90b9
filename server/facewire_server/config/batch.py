"""The settings of `facewire-server batch`, in the order of its --help."""

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from facewire_server.config.accepted import SIZES
from facewire_server.config.config import DEFAULT_MODEL, MEBI, Config
from facewire_server.config.setting import AT_LEAST_ONE, Range, check_each, setting
from facewire_server.system.cache_folder import default_folder

FRACTION = Range(lambda value: 0 <= value <= 1, "not within [0, 1]")


SETTINGS = {each.name: each for each in fields(Config)}


def shared(name: str) -> Any:
    """A field that is the same setting as the one of this name in Config."""
    return field(default=SETTINGS[name].default, metadata=SETTINGS[name].metadata)


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchConfig:
    """All settings of `facewire-server batch`; the help of a setting describes it.

    Those of a model and of images are the server's. Raises ConfigError, which names the option.
    """

    ray: str | None = setting(
        None,
        "Use the cluster whose head node is there, or the one that this machine is part of.",
        metavar="HOST:PORT|auto",
        default_text="the cores of this machine",
    )
    column: str | None = setting(
        None,
        "The column of Parquet files that has the photos, or their paths.",
        default_text="found by its type and name",
    )
    retry_errors: bool = setting(
        False, "Look again at the photos that have an error in the output."
    )
    model: str = setting(DEFAULT_MODEL, "The model.", metavar="NAME|PATH")
    precision: str | None = shared("precision")
    cache: Path = field(default_factory=default_folder, metadata=SETTINGS["cache"].metadata)
    compile_cache: bool = shared("compile_cache")
    min_confidence: float | None = setting(
        None, "The least confidence of a face.", FRACTION, default_text="the model's own"
    )
    iou_threshold: float | None = setting(
        None,
        "How much boxes may overlap before one of them is left out.",
        FRACTION,
        default_text="the model's own",
    )
    max_detections: int | None = setting(
        None, "The most faces of a photo.", AT_LEAST_ONE, default_text="the model's own, or 1000"
    )
    tiles: str = shared("tiles")
    cores_per_worker: int = setting(
        1, "How many cores look at a photo; 1 is the fastest for all but huge models.", AT_LEAST_ONE
    )
    device: str = shared("device")
    inference_precision: str = shared("inference_precision")
    device_properties: tuple[str, ...] = shared("device_properties")
    max_file_mb: float = setting(256.0, "The largest file of a photo, in MiB.", SIZES)
    scaled_decode: bool = shared("scaled_decode")
    max_megapixels: float = shared("max_megapixels")
    max_side: int = shared("max_side")
    max_scans: int = shared("max_scans")
    max_tiles: int = shared("max_tiles")
    log_level: str = shared("log_level")
    log_format: str = shared("log_format")

    def __post_init__(self) -> None:
        check_each(self)
        # Its own rules for the settings that are shared.
        _ = self.served

    @property
    def served(self) -> Config:
        """The Config of a server with the same model, device and limits."""
        names = set(SETTINGS) & {each.name for each in fields(self)}
        return Config(models=(self.model,), **{name: getattr(self, name) for name in names})

    @property
    def max_file_bytes(self) -> int:
        """The most bytes of a photo."""
        return round(self.max_file_mb * MEBI)
