"""Streams that send large images as fast as they are taken, by gRPC's own client."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import cv2
import grpc
import numpy as np

from facewire.v1 import detect_pb2 as pb
from facewire.v1.detect_pb2_grpc import DetectServiceStub

SIDE = 2830
"""Of an image of noise that is 24 MB as a PNG."""

OPTIONS = (
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.max_send_message_length", -1),
)


def large_frames(target: str, streams: int, frames: int) -> str:
    """So many streams at a time, each on a connection of its own."""
    noise = np.random.default_rng(1).integers(0, 255, (SIDE, SIDE, 3), np.uint8)
    _, png = cv2.imencode(".png", noise, [cv2.IMWRITE_PNG_COMPRESSION, 1])
    request = pb.DetectRequest(encoded_image=png.tobytes())

    def messages() -> Iterator[pb.DetectStreamRequest]:
        for number in range(frames):
            yield pb.DetectStreamRequest(frame_id=number, request=request)

    def answered(_: int) -> int:
        with grpc.insecure_channel(target, OPTIONS) as channel:
            answers = DetectServiceStub(channel).DetectStream(messages())
            return sum(answer.HasField("response") for answer in answers)

    with ThreadPoolExecutor(streams) as threads:
        return f"{sum(threads.map(answered, range(streams)))} images were answered"
