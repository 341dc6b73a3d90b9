"""How old the answers of live video are, whatever the sender's rate.

Measures what the server can do with one stream that waits (OVERFLOW_POLICY_WAIT), then
sends frames at multiples of that rate with OVERFLOW_POLICY_DROP_OLDEST: alone, and
beside a competitor on another connection that keeps the queue full. The age of a frame
counts from when it was sent to when its answer came.
"""

import itertools
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack

import click
import grpc

from benchmarks.harness.images import PHOTO
from benchmarks.harness.rounds import latency_line
from benchmarks.harness.server import serving
from benchmarks.harness.settings import model_option, print_settings, seconds_option
from facewire.v1 import detect_pb2 as pb
from facewire.v1.detect_pb2_grpc import DetectServiceStub

REQUEST = pb.DetectRequest(encoded_image=PHOTO.read_bytes())
OWN_CONNECTION = (("grpc.use_local_subchannel_pool", 1),)
RATES = (0.5, 1, 2, 5, 20)
COMPETING_STREAMS = 8


def frame(number: int, policy: pb.OverflowPolicy.ValueType) -> pb.DetectStreamRequest:
    """The frame of this number."""
    return pb.DetectStreamRequest(frame_id=number, request=REQUEST, overflow_policy=policy)


def capacity(target: str, seconds: float) -> float:
    """Frames a second of one stream that waits."""
    end = time.perf_counter() + seconds

    def frames() -> Iterator[pb.DetectStreamRequest]:
        while time.perf_counter() < end:
            yield frame(0, pb.OVERFLOW_POLICY_WAIT)

    with grpc.insecure_channel(target, OWN_CONNECTION) as channel:
        return sum(1 for _ in DetectServiceStub(channel).DetectStream(frames())) / seconds


def live(target: str, rate: float, seconds: float) -> str:
    """Send `rate` frames a second without waiting for answers; tells of their ages."""
    sent: dict[int, float] = {}

    def frames() -> Iterator[pb.DetectStreamRequest]:
        started = time.perf_counter()
        for number in range(int(rate * seconds)):
            time.sleep(max(0.0, started + number / rate - time.perf_counter()))
            sent[number] = time.perf_counter()
            yield frame(number, pb.OVERFLOW_POLICY_DROP_OLDEST)

    ages: list[float] = []
    with grpc.insecure_channel(target, OWN_CONNECTION) as channel:
        for answer in DetectServiceStub(channel).DetectStream(frames()):
            if answer.HasField("response"):
                ages.append(time.perf_counter() - sent[answer.frame_id])
    dropped = 1 - len(ages) / len(sent)
    return f"{len(ages):6} answered, {dropped:4.0%} dropped, age {latency_line(ages)}"


def compete(target: str, stop: threading.Event) -> None:
    """Streams that always have more to send, on one connection, until `stop`."""

    def frames() -> Iterator[pb.DetectStreamRequest]:
        for number in itertools.takewhile(lambda _: not stop.is_set(), itertools.count()):
            yield frame(number, pb.OVERFLOW_POLICY_WAIT)

    with grpc.insecure_channel(target, OWN_CONNECTION) as channel:
        stub = DetectServiceStub(channel)
        streams = [stub.DetectStream(frames()) for _ in range(COMPETING_STREAMS)]
        threads = [threading.Thread(target=list, args=(each,)) for each in streams]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


@click.command(help=__doc__)
@model_option
@seconds_option(8, "Of each rate.")
def main(model: str, seconds: float) -> None:
    print_settings(model=model, seconds=seconds)
    with serving("--model", model) as server, ExitStack() as stack:
        most = capacity(server.target, seconds)
        print(f"one stream that waits: {most:.0f} frames/s")
        for title in ("alone", "beside a competitor"):
            if title != "alone":
                stop = threading.Event()
                thread = threading.Thread(target=compete, args=(server.target, stop))
                thread.start()
                stack.callback(thread.join)
                stack.callback(stop.set)
            print(title)
            for rate in RATES:
                print(f"{rate:5g} x: {live(server.target, rate * most, seconds)}", flush=True)


if __name__ == "__main__":
    main()
