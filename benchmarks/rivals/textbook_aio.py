"""The textbook server: grpc.aio, the job on asyncio's own threads, and facewire's protocol."""

import argparse
import asyncio

import grpc

from benchmarks.rivals.job import Detector, options_of
from facewire.v1 import detect_pb2 as pb

SERVICE = "facewire.v1.DetectService"
LIMIT = 64 << 20
FIELDS = ("x_min", "y_min", "x_max", "y_max")
Context = grpc.aio.ServicerContext[pb.DetectRequest, pb.DetectResponse]


async def serve() -> None:
    """Serve Detect, and nothing else, until the process ends."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    options = options_of(parser)
    detector = Detector(options)

    async def detect(request: pb.DetectRequest, context: Context) -> pb.DetectResponse:
        rows = await detector.detect_async(request.encoded_image, on_loop=False)
        response = pb.DetectResponse()
        for *edges, confidence in rows.tolist():
            box = pb.BoundingBox(**dict(zip(FIELDS, edges, strict=True)))
            response.detections.add(box=box, confidence=confidence)
        return response

    handler = grpc.unary_unary_rpc_method_handler(
        detect,
        request_deserializer=pb.DetectRequest.FromString,
        response_serializer=pb.DetectResponse.SerializeToString,
    )
    service = grpc.method_handlers_generic_handler(SERVICE, {"Detect": handler})
    sides = ("send", "receive")
    server = grpc.aio.server(options=[(f"grpc.max_{side}_message_length", LIMIT) for side in sides])
    server.add_generic_rpc_handlers((service,))
    server.add_insecure_port(f"127.0.0.1:{options.port}")
    await server.start()
    await server.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(serve())
