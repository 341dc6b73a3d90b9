"""Frames of video in messages of ModelInfer, and in shared memory, in alternation."""

from dataclasses import replace
from functools import partial

import click
import cv2
import grpc
import numpy as np
from numpy.typing import NDArray

from benchmarks.comparison.protocols import OIP
from benchmarks.front_end import measured
from benchmarks.harness.images import pixels
from benchmarks.harness.rounds import alternate, column_medians, table
from benchmarks.harness.server import serving
from benchmarks.harness.settings import print_settings, rounds_option, seconds_option
from facewire.inference.v2 import open_inference_pb2 as pb
from facewire.inference.v2.open_inference_pb2_grpc import GRPCInferenceServiceStub
from facewire_client.bench.load import ClosedLoop
from facewire_client.bench.settings import Photo, Settings
from tests.server.shared_objects import shared_object

FRAMES = {"1080p": (1920, 1080), "4K": (3840, 2160)}
CALLERS = 4  # each waits for its answer, and sends the same frame again


def request(frame: NDArray[np.uint8], region: str, data: bytes, _: str) -> pb.ModelInferRequest:
    """A request with the data of a frame in it, or where it is in a region."""
    message = pb.ModelInferRequest()
    tensor = message.inputs.add(name="image", datatype="UINT8", shape=frame.shape)
    if region:
        tensor.parameters["shared_memory_region"].string_param = region
        tensor.parameters["shared_memory_byte_size"].int64_param = frame.nbytes
    else:
        message.raw_input_contents.append(data)
    return message


@click.command(help=__doc__)
@seconds_option(5, "Of each way, a round.")
@rounds_option(5)
def main(seconds: float, rounds: int) -> None:
    print_settings(rounds=rounds, seconds=seconds, callers=CALLERS)
    settings = Settings(load=ClosedLoop(CALLERS), duration=seconds, warmup=1, connections=CALLERS)
    rows = []
    for name, size in FRAMES.items():
        frame = np.asarray(cv2.resize(pixels(), size), np.uint8)
        photo = Photo(name, frame.tobytes())
        with shared_object(photo.content) as path, serving("--shared-memory") as server:
            with grpc.insecure_channel(server.target) as channel:
                GRPCInferenceServiceStub(channel).SystemSharedMemoryRegister(
                    pb.SystemSharedMemoryRegisterRequest(
                        name=name, key=path.name, byte_size=frame.nbytes
                    )
                )
            methods = {
                way: replace(OIP.method, request=partial(request, frame, region))
                for way, region in (("message", ""), ("region", name))
            }
            found = alternate(
                rounds,
                {
                    way: partial(measured, server, settings, photo, method)
                    for way, method in methods.items()
                },
            )
        for way, results in found.items():
            rate, server_ms, client_ms = column_medians(results)
            rows.append((name, way, f"{rate:.1f}", f"{server_ms:.1f}", f"{client_ms:.1f}"))
    print(table(("frame", "in a", "requests/s", "server CPU ms", "client CPU ms"), rows))


if __name__ == "__main__":
    main()
