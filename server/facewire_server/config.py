"""The settings of a server: one frozen object, made at the edge and passed down."""

import math
import os
from dataclasses import dataclass, field
from pathlib import Path

from facewire_server.catalogue.cache import default_folder
from facewire_server.image.limits import MAX_SCANS, MAX_SIDE, ImageLimits
from facewire_server.inference.runtime import Mode, Runtime
from facewire_server.limits import Limits, check, flag
from facewire_server.models.source import EMBEDDED
from facewire_server.system.addresses import UNIX
from facewire_server.system.cpu_quota import cpu_quota

MEGA = 1_000_000
MEBI = 1 << 20

MAX_WORKERS = 1024
"""More than any machine has cores for; each holds the models anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """What `facewire-server serve` can be told; see its --help.

    `host` may be `unix:PATH`, which has no port; `socket_mode`: the rights of its file.
    `max_message_mb` and `max_queued_mb` in MiB, `max_megapixels` in millions, `grace`
    in seconds; `limits` are those of the transport. `max_side` in pixels; `max_scans`:
    of a JPEG.
    `stall_seconds`: work on one request that is longer is a stall; 0: none is.
    `precision` is that of published models' files, None: as is there; `pull` fetches
    them, from `mirror` or else from where they are published.
    `inference_precision` is auto, f32, bf16 or f16; `device_properties` are KEY=VALUE;
    `mode` is one of Mode's. `scaled_decode`: large images are reduced on the way.
    `workers`: how many processes serve, each with its part of the cores.
    `max_parallel` and `max_queue`, of each worker as `max_queued_mb` is, None: chosen from what
    the devices can do at a time. `metrics_port` None: no metrics; `traces`: by OpenTelemetry.
    `tls_cert`, `tls_key`, `tls_client_ca` are PEM files; without them: no encryption, and no
    certificate asked of clients; `token_file` holds the tokens that callers are asked for,
    without it: none is. Raises ConfigError, which names the setting.
    """

    models: tuple[str, ...] = (EMBEDDED,)
    host: str = "127.0.0.1"
    port: int = 50051
    socket_mode: int = 0o600
    metrics_port: int | None = 9090
    tls_cert: Path | None = None
    tls_key: Path | None = None
    tls_client_ca: Path | None = None
    token_file: Path | None = None
    precision: str | None = None
    pull: bool = False
    mirror: str | None = None
    device: str = "CPU"
    inference_precision: str = "auto"
    device_properties: tuple[str, ...] = ()
    cache: Path = field(default_factory=default_folder)
    compile_cache: bool = True
    mode: str = Mode.ADAPTIVE
    scaled_decode: bool = True
    watch: bool = False
    workers: int = 1
    max_message_mb: float = 32
    max_megapixels: float = 64
    max_side: int = MAX_SIDE
    max_scans: int = MAX_SCANS
    max_parallel: int | None = None
    max_queue: int | None = None
    max_queued_mb: float = 256
    grace: float = 30
    traces: bool = False
    stall_seconds: float = 30
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        check("model", bool(self.models), "at least one is needed")
        check("host", self.host != UNIX, "unix: needs a path")
        is_file = self.host.startswith(UNIX)
        check("workers", not is_file or self.workers == 1, "a Unix socket has but one")
        mode_fits = 0 <= self.socket_mode <= 0o777
        check("socket_mode", mode_fits, "not within 0..0777, in octal digits")
        for name in ("port", "metrics_port"):
            port = getattr(self, name)
            check(name, port is None or 0 <= port <= 65535, "not within 0..65535")
        for name, needed in (
            ("tls_cert", "tls_key"),
            ("tls_key", "tls_cert"),
            ("tls_client_ca", "tls_cert"),
        ):
            fits = getattr(self, name) is None or getattr(self, needed) is not None
            check(name, fits, f"needs {flag(needed)}, too")
        for name in ("max_message_mb", "max_megapixels"):
            check(name, 0 < getattr(self, name) <= 2047, "not within (0, 2047]")
        fits = 0 < self.max_queued_mb < math.inf
        check("max_queued_mb", fits, "not a number above 0")
        for name, known in (
            ("inference_precision", ("auto", "f32", "bf16", "f16")),
            ("mode", tuple(Mode)),
        ):
            fits = getattr(self, name) in known
            check(name, fits, f"not one of {', '.join(known)}")
        for text in self.device_properties:
            check("device_property", text.find("=") > 0, f"{text!r} is not KEY=VALUE")
        parallel = self.max_parallel
        check("max_parallel", parallel is None or parallel >= 1, "less than 1")
        for name in ("grace", "stall_seconds"):
            seconds = getattr(self, name)
            check(name, 0 <= seconds < math.inf, "not a number of seconds")
        fits = 1 <= self.workers <= MAX_WORKERS
        check("workers", fits, f"not within 1..{MAX_WORKERS}")
        for name in ("max_side", "max_scans"):
            check(name, getattr(self, name) >= 1, "less than 1")
        check("max_queue", self.max_queue is None or self.max_queue >= 0, "negative")

    @property
    def max_message_bytes(self) -> int:
        """The most bytes of one request message."""
        return round(self.max_message_mb * MEBI)

    @property
    def metrics_host(self) -> str:
        """Where `/metrics` is: beside the server, which may have no port itself."""
        return "127.0.0.1" if self.host.startswith(UNIX) else self.host

    @property
    def max_queued_bytes(self) -> int:
        """The most bytes of messages that wait for a worker."""
        return round(self.max_queued_mb * MEBI)

    @property
    def image_limits(self) -> ImageLimits:
        """What an image may have at most."""
        pixels = round(self.max_megapixels * MEGA)
        return ImageLimits(pixels=pixels, side=self.max_side, scans=self.max_scans)

    @property
    def runtime(self) -> Runtime:
        """How and where the networks run."""
        chosen = self.inference_precision
        pairs = (text.partition("=") for text in self.device_properties)
        return Runtime(
            device=self.device,
            inference_precision=None if chosen == "auto" else chosen,
            properties={key: value for key, _, value in pairs},
            cache=self.cache if self.compile_cache else None,
            requests=self._requests_per_model,
            threads=self._threads,
            mode=Mode(self.mode),
        )

    @property
    def cores(self) -> int:
        """How many cores each worker may keep busy."""
        return available_cores(self.workers)

    @property
    def _threads(self) -> int | None:
        """How many threads infer, where a quota allows fewer than there are cores."""
        return self.cores if self.cores < len(available_core_numbers()) else None

    @property
    def _requests_per_model(self) -> int | None:
        """Each of several models gets its part of the cores' threads.

        All of them together then have as many threads of their own as one alone would
        have, and one that is asked alone still uses all cores for each request.
        """
        models = len(self.models)
        return None if models == 1 else -(-self.cores // models)


def available_core_numbers() -> list[int]:
    """The cores that this process may run on, by the system's numbers."""
    return sorted(os.sched_getaffinity(0))


def available_cores(share: int = 1) -> int:
    """How many cores this process may keep busy: some of one count as one.

    As many as it may run on, or its part of the quota of CPU time that its container
    has, which `share` processes divide.
    """
    cores, quota = len(available_core_numbers()), cpu_quota()
    return cores if quota is None else min(cores, math.ceil(quota / share))
