"""The settings of `facewire-server serve`, in the order of its --help."""

from dataclasses import dataclass, field
from pathlib import Path

from facewire_server.config.accepted import FILE_MODES, PRECISIONS, SIZES, WORKERS, Mode
from facewire_server.config.setting import (
    AT_LEAST_ONE,
    NOT_NEGATIVE,
    PORTS,
    POSITIVE,
    SECONDS,
    ZERO_OR_MORE,
    check,
    check_each,
    described,
    flag,
    setting,
)
from facewire_server.config.transport import TransportLimits
from facewire_server.image.limits import MAX_SCANS, MAX_SIDE, MAX_TILES, ImageLimits
from facewire_server.system.addresses import UNIX
from facewire_server.system.cache_folder import default_folder

MEGA = 1_000_000
MEBI = 1 << 20

DEFAULT_MODEL = "face-detection-nano"


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """All settings of `facewire-server serve`; the help of a setting describes it.

    `host` may be `unix:PATH`, which has no port. `metrics_port` None: no metrics. `precision`
    None: of the files that are there. `max_parallel` and `max_queue` None: chosen from what
    the devices can do at a time. `limits` are those of the transport. Raises ConfigError,
    which names the option.
    """

    models: tuple[str, ...] = setting(
        (DEFAULT_MODEL,),
        "A model to serve; may be repeated. The first is the default one.",
        option="model",
        metavar="NAME|PATH",
    )
    precision: str | None = setting(
        None,
        "Of the weights of published models.",
        choices=PRECISIONS,
        default_text="what is in the cache, FP16 first",
    )
    pull: bool = setting(False, "Fetch published models that are missing.")
    mirror: str | None = setting(
        None,
        "Fetch them from this web server, object store (s3://BUCKET/PREFIX, gs://, az://) or"
        " folder instead of the published addresses; see docs/models.md.",
        metavar="URL|DIR",
    )
    cache: Path = field(
        default_factory=default_folder,
        metadata=described(
            "The folder for fetched and compiled models.",
            form="folder",
            default_text="the user's cache folder",
        ),
    )
    compile_cache: bool = setting(
        True, "Keep compiled networks in the cache folder, for faster starts."
    )
    watch: bool = setting(
        False, "Reload models whose files change; SIGHUP reloads them in any case."
    )
    model_control: str = setting(
        "none",
        "explicit: callers may load and unload models by name; see docs/security.md.",
        choices=("none", "explicit"),
    )
    host: str = setting(
        "127.0.0.1",
        "Where to listen: at an address, at all addresses of a name, or on a Unix socket, which"
        " has no port.",
        metavar="ADDRESS|NAME|unix:PATH",
    )
    port: int = setting(50051, "The port; 0: a free one.", PORTS)
    socket_mode: int = setting(
        0o600, "Who may connect to a Unix socket, as rights of its file.", FILE_MODES, form="octal"
    )
    metrics_port: int | None = setting(
        9090, "The port of /metrics; 0: a free one.", PORTS, form="port or off"
    )
    tls_cert: Path | None = field(
        default=None,
        metadata=described(
            "Encrypt, with the certificate chain in this PEM file; read again when it changes, as"
            " the other two.",
            default_text="no encryption",
        ),
    )
    tls_key: Path | None = field(
        default=None, metadata=described("The key of that certificate, a PEM file.")
    )
    tls_client_ca: Path | None = field(
        default=None,
        metadata=described(
            "Let clients in that show a certificate of the authorities in this PEM file.",
            default_text="none is asked for",
        ),
    )
    token_file: Path | None = field(
        default=None,
        metadata=described(
            "Ask callers for one of the tokens in this file, one a line, as it is or as sha256:HEX;"
            " read again when it changes.",
            default_text="none is asked for",
        ),
    )
    device: str = setting("CPU", "Where OpenVINO runs the models.")
    mode: str = setting(
        Mode.ADAPTIVE.value,
        "latency: each request gets all cores in turn; throughput: requests run side by side;"
        " adaptive: all cores for one that is alone, else side by side.",
        choices=tuple(mode.value for mode in Mode),
    )
    scaled_decode: bool = setting(True, "Reduce large images on the way to what the model sees.")
    tiles: str = setting(
        "model",
        "Look at images in tiles where requests do not say; model: as the model was trained.",
        choices=("off", "model", "on"),
    )
    inference_precision: str = setting(
        "auto",
        "What the networks are computed in; auto: as the device chooses.",
        choices=("auto", "f32", "bf16", "f16"),
    )
    device_properties: tuple[str, ...] = setting(
        (),
        "A property for OpenVINO's device; may be repeated.",
        option="device_property",
        metavar="KEY=VALUE",
    )
    workers: int = setting(
        1, "How many processes serve on the port, each with its part of the cores.", WORKERS
    )
    max_message_mb: float = setting(32.0, "The largest request message, in MiB.", SIZES)
    max_megapixels: float = setting(64.0, "The largest image, in megapixels by its header.", SIZES)
    max_side: int = setting(MAX_SIDE, "The longest side of an image, in pixels.", AT_LEAST_ONE)
    max_scans: int = setting(
        MAX_SCANS,
        "How often a JPEG may go over its pixels; progressive ones do about 10 times.",
        AT_LEAST_ONE,
    )
    max_tiles: int = setting(MAX_TILES, "The most tiles of an image.", AT_LEAST_ONE)
    max_parallel: int | None = setting(
        None,
        "How many requests are worked on at a time in each worker.",
        AT_LEAST_ONE,
        default_text="twice what the devices run side by side",
    )
    max_queue: int | None = setting(
        None,
        "How many requests may wait in each worker; more are refused.",
        NOT_NEGATIVE,
        default_text="4 for each of those",
    )
    max_queued_mb: float = setting(
        256.0,
        "How much of messages may wait in each worker, in MiB: single calls beyond it are"
        " refused, streams beyond half of it are held back.",
        POSITIVE,
    )
    response_cache_mb: float = setting(
        0.0,
        "Keep answers for when the same image comes again, in so many MiB of each worker.",
        ZERO_OR_MORE,
    )
    shared_memory: bool = setting(
        False,
        "Let callers on this machine pass tensors in POSIX shared memory, whose objects they name:"
        " see docs/security.md.",
    )
    grace: float = setting(
        30.0, "Seconds to finish what runs after SIGTERM; a second signal ends at once.", SECONDS
    )
    stall_seconds: float = setting(
        30.0,
        "Seconds of work on one request after which health says NOT_SERVING until it ends: as"
        " long as clients wait by default. 0: never.",
        SECONDS,
    )
    limits: TransportLimits = field(default_factory=TransportLimits)
    log_level: str = setting(
        "info",
        "What to log on standard error; debug: a line for each request.",
        choices=("debug", "info", "warning", "error"),
    )
    log_format: str = setting("text", "How; json: one object a line.", choices=("text", "json"))
    traces: bool = setting(
        False, "Send traces by OTLP over gRPC, as the OTEL_* variables say; needs facewire[otel]."
    )

    def __post_init__(self) -> None:
        check_each(self)
        check("model", bool(self.models), "at least one is needed")
        check("host", self.host != UNIX, "unix: needs a path")
        is_file = self.host.startswith(UNIX)
        check("workers", not is_file or self.workers == 1, "a Unix socket has but one")
        alone = self.model_control == "none" or self.workers == 1
        check("model_control", alone, "explicit needs --workers 1: it would reach but one")
        alone = not self.shared_memory or self.workers == 1
        check("shared_memory", alone, "needs --workers 1: each worker has regions of its own")
        pairs = (("tls_cert", "tls_key"), ("tls_key", "tls_cert"), ("tls_client_ca", "tls_cert"))
        for name, needed in pairs:
            fits = getattr(self, name) is None or getattr(self, needed) is not None
            check(name, fits, f"needs {flag(needed)}, too")
        for text in self.device_properties:
            check("device_property", text.find("=") > 0, f"{text!r} is not KEY=VALUE")

    @property
    def max_message_bytes(self) -> int:
        """The most bytes of one request message."""
        return round(self.max_message_mb * MEBI)

    @property
    def metrics_host(self) -> str:
        """The host of `/metrics`: that of the server, or 127.0.0.1 if it has a Unix socket."""
        return "127.0.0.1" if self.host.startswith(UNIX) else self.host

    @property
    def max_queued_bytes(self) -> int:
        """The most bytes of messages that wait for a worker."""
        return round(self.max_queued_mb * MEBI)

    @property
    def response_cache_bytes(self) -> int:
        """The most bytes of answers that are kept; 0: none is."""
        return round(self.response_cache_mb * MEBI)

    @property
    def image_limits(self) -> ImageLimits:
        """The limits of an image."""
        pixels = round(self.max_megapixels * MEGA)
        return ImageLimits(pixels, self.max_side, self.max_scans, self.max_tiles)
