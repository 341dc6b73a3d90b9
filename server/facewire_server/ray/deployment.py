"""The deployment with the defaults of its options; a config file of Serve may set others."""

from typing import Any

from ray import serve

from facewire_server.config import Config
from facewire_server.lifecycle.loading import WORKERS_PER_INFERENCE
from facewire_server.models.source import name_of
from facewire_server.ray.model_router import ModelRouter
from facewire_server.ray.replica import FaceDetector
from facewire_server.ray.settings import Arguments

NAME = "FaceDetector"
"""The deployment's name in config files of Serve."""

CPUS = 1
"""Cores of a replica: it fits every node."""

MAX_REPLICAS = 100


def deployment(arguments: Arguments) -> serve.Application:
    """Make the application, which is this one deployment.

    Serve would queue the calls that no replica takes, and say RESOURCE_EXHAUSTED without
    a reason beyond that: so a replica takes all that its own limits allow, and refuses.
    """
    config = arguments.config
    limits = config.limits
    models = len(config.models)
    limit = arguments.models_per_replica or models
    decorate = serve.deployment(
        name=NAME,
        ray_actor_options={"num_cpus": CPUS},
        autoscaling_config={
            "min_replicas": 1,
            "max_replicas": MAX_REPLICAS,
            "target_ongoing_requests": WORKERS_PER_INFERENCE * CPUS,
        },
        # Calls, health checks and watches have limits of their own.
        max_ongoing_requests=2 * limits.max_calls + limits.max_watches,
        max_queued_requests=limits.max_calls,
        graceful_shutdown_timeout_s=config.grace,
        request_router_config=_by_model(config) if limit < models else {},
        logging_config={"enable_access_log": False},
    )
    return decorate(FaceDetector).bind(config, limit)


def _by_model(config: Config) -> dict[str, Any]:
    """Have calls go to replicas that have their model. Raises ModelError."""
    default = name_of(config.models[0], precision=config.precision, cache=config.cache)
    return {
        "request_router_class": ModelRouter,
        "request_router_kwargs": {"default_model": default},
    }
