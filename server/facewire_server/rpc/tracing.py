"""Traces of requests, or none: what a server does about them by default.

Rule: OpenTelemetry is not imported before it is asked for.
"""

import grpc.aio

from facewire_server.errors import ConfigError
from facewire_server.rpc.call import Call, Context


class Tracing:
    """Traces nothing, at no cost."""

    def ended(self, call: Call, context: Context, code: grpc.StatusCode) -> None:
        """Takes note of a request that has just ended, on the event loop."""

    async def close(self) -> None:
        """Sends what is still to be sent."""


def open_tracing(wanted: bool) -> Tracing:
    """What traces requests, if that is wanted.

    Raises ConfigError when the packages are missing, and for OTEL_* variables that ask
    for what is not there.
    """
    if not wanted:
        return Tracing()
    try:
        from facewire_server.rpc.opentelemetry import OtelTracing
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"--traces: {error.name} is not installed; it needs more packages:"
            " pip install 'facewire[server,otel]'"
        ) from None
    except Exception as error:  # some variables are read as it is imported
        raise ConfigError(f"--traces: an OTEL_* variable is wrong: {error}") from error
    return OtelTracing.from_environment()
