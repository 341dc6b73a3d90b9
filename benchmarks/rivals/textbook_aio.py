"""The textbook server: grpc.aio, and the job on asyncio's own threads.

    python -m benchmarks.rivals.textbook_aio --port PORT --model FILE ...

It speaks facewire's protocol, so that only what it does differs.
"""

import argparse
import asyncio

import grpc
from grpc import aio

from benchmarks.rivals.job import Detector, Job
from facewire.v1 import detect_pb2 as pb

SERVICE = "facewire.v1.DetectService"
LIMIT = 64 << 20


Context = aio.ServicerContext[pb.DetectRequest, pb.DetectResponse]


async def serve(port: int, detector: Detector) -> None:
    """Serves Detect, and nothing else, until the process ends."""

    async def detect(request: pb.DetectRequest, context: Context) -> pb.DetectResponse:
        rows = await asyncio.to_thread(detector.detect, request.encoded_image)
        return pb.DetectResponse(detections=[_detection(*row) for row in rows.tolist()])

    server = aio.server(
        options=[
            ("grpc.max_send_message_length", LIMIT),
            ("grpc.max_receive_message_length", LIMIT),
        ]
    )
    handler = grpc.unary_unary_rpc_method_handler(
        detect,
        request_deserializer=pb.DetectRequest.FromString,
        response_serializer=pb.DetectResponse.SerializeToString,
    )
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler(SERVICE, {"Detect": handler}),)
    )
    server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    await server.wait_for_termination()


def _detection(
    x_min: float, y_min: float, x_max: float, y_max: float, confidence: float
) -> pb.Detection:
    box = pb.BoundingBox(x_min=x_min, y_min=y_min, x_max=x_max, y_max=y_max)
    return pb.Detection(box=box, confidence=confidence)


def main() -> None:
    """Serves what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, required=True)
    Job.add_options(parser)
    options = parser.parse_args()
    asyncio.run(serve(options.port, Detector(Job.of(options))))


if __name__ == "__main__":
    main()
