"""A replica has a method for each one of the services, and says whether it is well."""

import inspect

import pytest

from facewire_server.config import Config
from facewire_server.lifecycle.services import Services
from facewire_server.ray.replica import SERVED, FaceDetector, NotServing

METHODS = [method for service in SERVED for method in service.methods]


def test_each_method_of_the_services_has_one_of_its_name() -> None:
    assert len({method.name for method in METHODS}) == len(METHODS)
    for method in METHODS:
        is_stream = inspect.isasyncgenfunction(getattr(FaceDetector, method.name))
        assert is_stream is method.server_streaming, method.name


def test_a_replica_is_well_while_health_is_serving() -> None:
    replica = object.__new__(FaceDetector)  # Serve makes it in a process of its own
    replica._services = Services(Config(), [])
    with pytest.raises(NotServing):
        replica.check_health()
    replica._services.health.serving()
    replica.check_health()
