"""The file for `serve run` and `serve deploy` is valid, and has the deployment's defaults."""

from pkgutil import resolve_name

from ray.serve.schema import ServeDeploySchema

from facewire_server.lifecycle.loading import WORKERS_PER_INFERENCE
from facewire_server.ray import app
from facewire_server.ray.deployment import CPUS, MAX_REPLICAS, NAME
from facewire_server.ray.replica import SERVED
from tests.server.ray.serving import content


def test_the_file_is_what_serve_reads() -> None:
    schema = ServeDeploySchema.model_validate(content())
    (application,) = schema.applications
    assert resolve_name(application.import_path) is app
    assert app(application.args)


def test_the_file_has_the_defaults_of_the_deployment() -> None:
    (application,) = content()["applications"]
    (deployment,) = application["deployments"]
    assert deployment["name"] == NAME
    assert deployment["ray_actor_options"] == {"num_cpus": CPUS}
    assert deployment["autoscaling_config"] == {
        "min_replicas": 1,
        "max_replicas": MAX_REPLICAS,
        "target_ongoing_requests": CPUS * WORKERS_PER_INFERENCE,
    }


def test_the_file_adds_all_services_to_the_proxy() -> None:
    functions = content()["grpc_options"]["grpc_servicer_functions"]
    names = [path.rpartition(".")[2] for path in functions]
    assert names == [f"add_{service.name}Servicer_to_server" for service in SERVED]
    assert all(callable(resolve_name(path)) for path in functions)
