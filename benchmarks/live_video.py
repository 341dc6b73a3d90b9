"""How old the answers of live video are, whatever the sender's rate.

Measures what the server can do with one stream that waits (OVERFLOW_POLICY_WAIT), then
sends frames at multiples of that rate with OVERFLOW_POLICY_DROP_OLDEST: alone, and
beside a competitor on another connection that keeps the queue full. The age of a frame
counts from when it was sent to when its answer came.
"""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event

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
FRAME = pb.DetectStreamRequest(request=REQUEST, overflow_policy=pb.OVERFLOW_POLICY_WAIT)


def waiting(channel: grpc.Channel, stop: Event) -> int:
    """Answers to a stream that always has more to send, until `stop`."""
    frames = iter(lambda: None if stop.is_set() else FRAME, None)
    return sum(1 for _ in DetectServiceStub(channel).DetectStream(frames))


def live(target: str, rate: float, seconds: float) -> str:
    """Send `rate` frames a second without waiting for answers; tells of their ages."""
    sent: dict[int, float] = {}
    policy = pb.OVERFLOW_POLICY_DROP_OLDEST

    def frames() -> Iterator[pb.DetectStreamRequest]:
        started = time.perf_counter()
        for number in range(int(rate * seconds)):
            time.sleep(max(0.0, started + number / rate - time.perf_counter()))
            sent[number] = time.perf_counter()
            yield pb.DetectStreamRequest(frame_id=number, request=REQUEST, overflow_policy=policy)

    ages: list[float] = []
    with grpc.insecure_channel(target, OWN_CONNECTION) as channel:
        for answer in DetectServiceStub(channel).DetectStream(frames()):
            if answer.HasField("response"):
                ages.append(time.perf_counter() - sent[answer.frame_id])
    dropped = 1 - len(ages) / len(sent)
    return f"{len(ages):6} answered, {dropped:4.0%} dropped, age {latency_line(ages)}"


@click.command(help=__doc__)
@model_option
@seconds_option(8, "Of each rate.")
def main(model: str, seconds: float) -> None:
    print_settings(model=model, seconds=seconds)
    with (
        serving("--model", model) as server,
        grpc.insecure_channel(server.target, OWN_CONNECTION) as other,
        ThreadPoolExecutor(COMPETING_STREAMS) as pool,
    ):
        for streams in (0, COMPETING_STREAMS):
            stop = Event()
            if not streams:
                one = pool.submit(waiting, other, stop)
                time.sleep(seconds)
                stop.set()
                most = one.result() / seconds
                print(f"one stream that waits: {most:.0f} frames/s")
            competing = [pool.submit(waiting, other, stop) for _ in range(streams)]
            print("beside a competitor" if streams else "alone")
            for rate in RATES:
                print(f"{rate:5g} x: {live(server.target, rate * most, seconds)}", flush=True)
            stop.set()
            for each in competing:
                each.result()


if __name__ == "__main__":
    main()
