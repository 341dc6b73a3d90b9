"""Serving on a cluster by Ray Serve: `serve run facewire_server.ray:app`.

Rule: Ray is imported only here, and no other room imports this one. Calls are answered by
the services of `facewire_server.lifecycle.services`; here is only their way from Serve's
proxy and back.
"""

from facewire_server.ray.application import app

__all__ = ["app"]
