"""A program that serves on a Ray cluster of its own: each line it reads is `args` to deploy.

It prints a line when they are deployed, and ends with its input.
"""

import json
import sys

import ray
from ray import serve

from facewire_server.ray import app

SERVICES = (
    "facewire.v1.detect_pb2_grpc.add_DetectServiceServicer_to_server",
    "grpc_health.v1.health_pb2_grpc.add_HealthServicer_to_server",
    "facewire.inference.v2.open_inference_pb2_grpc.add_GRPCInferenceServiceServicer_to_server",
)


def main(grpc_port: int, http_port: int) -> None:
    """Serve until the end of the input."""
    ray.init(address="local", num_cpus=2, include_dashboard=False)
    options = {"port": grpc_port, "grpc_servicer_functions": SERVICES}
    serve.start(grpc_options=options, http_options={"port": http_port})
    for line in sys.stdin:
        serve.run(app(json.loads(line)), name="facewire")
        print("deployed", flush=True)
    serve.shutdown()  # type: ignore[no-untyped-call]
    ray.shutdown()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
