"""The application that Ray Serve imports, by the path `facewire_server.ray:app`."""

from typing import Any

try:
    from ray.serve import Application
except ImportError:
    message = "serving on Ray needs Ray Serve: pip install 'facewire[ray]'"
    raise ImportError(message) from None


def app(args: dict[str, Any]) -> Application:
    """Build the application; `args` are settings as in a TOML file of `facewire-server serve`.

    Called by Serve with the `args` of its config file. Raises ConfigError, and ModelError
    for a default model that cannot be found.
    """
    # Imported late: Serve's proxies import this package for its router, and serve no model.
    from facewire_server.ray.deployment import deployment
    from facewire_server.ray.settings import read_arguments

    return deployment(read_arguments(args))
