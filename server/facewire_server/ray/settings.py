"""The settings of the application: those of `facewire-server serve` that Serve leaves to it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from facewire_server.cli.options import settings_from
from facewire_server.config import Config
from facewire_server.config.setting import AT_LEAST_ONE, check_each, setting
from facewire_server.errors import ConfigError

ORIGIN = "`args`"

_PROXY = "Serve's proxy listens: see grpc_options and docs/ray-serve.md"
_REPLICAS = "callers would reach one replica of several"

NOT_HERE: Mapping[str, str] = {
    **dict.fromkeys(("host", "port", "socket_mode"), _PROXY),
    **dict.fromkeys(("tls_cert", "tls_key", "tls_client_ca"), _PROXY),
    **dict.fromkeys(("max_connections", "max_streams", "keepalive_seconds"), _PROXY),
    **dict.fromkeys(("handshake_seconds", "message_seconds"), _PROXY),
    "connection_idle_seconds": _PROXY,
    "connection_age_seconds": _PROXY,
    "connection_grace_seconds": _PROXY,
    "metrics_port": "Serve has metrics of its own: see docs/ray-serve.md",
    "workers": "num_replicas or autoscaling_config of the deployment says how many there are",
    "model_control": _REPLICAS,
    "shared_memory": _REPLICAS,
    "watch": "deploy again to have new files loaded",
}
"""Settings that have no meaning here, with the reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arguments:
    """The arguments of the application. Raises ConfigError, which names the setting."""

    models_per_replica: int | None = setting(
        None, "How many models a replica keeps loaded.", AT_LEAST_ONE, default_text="all"
    )
    config: Config = field(default_factory=Config)

    def __post_init__(self) -> None:
        check_each(self)


def read_arguments(args: Mapping[str, Any]) -> Arguments:
    """Read the arguments of an application, named as in a TOML file. Raises ConfigError."""
    for key in args:
        reason = NOT_HERE.get(key.replace("-", "_"))
        if reason is not None:
            raise ConfigError(f"{ORIGIN}: {key!r} has no meaning on Ray Serve: {reason}")
    return settings_from(Arguments, args, ORIGIN)
