"""How old the answers of live video are, whatever the sender's rate.

    python -m benchmarks.live_video [--model FILE] [--seconds 8]

Measures what the server can do with one stream that waits (OVERFLOW_POLICY_WAIT), then
sends frames at multiples of that rate with OVERFLOW_POLICY_DROP_OLDEST: alone, and
beside a competitor on another connection who keeps the queue full. The age of a frame
counts from when it was sent to when its answer came.
"""

import argparse
import itertools
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import grpc

from benchmarks.server_process import serving
from facewire.v1 import detect_pb2 as pb
from facewire.v1.detect_pb2_grpc import DetectServiceStub
from facewire_server.models.source import DATA, EMBEDDED

PHOTO = (DATA / "astronaut.jpg").read_bytes()
OWN_CONNECTION = (("grpc.use_local_subchannel_pool", 1),)
RATES = (0.5, 1, 2, 5, 20)
COMPETING_STREAMS = 8


@dataclass
class Seen:
    """What a sender of live video has seen: ages in seconds, and frames dropped."""

    ages: list[float] = field(default_factory=list)
    dropped: int = 0

    def line(self) -> str:
        """In words."""
        cuts = statistics.quantiles(self.ages, n=100)
        share = self.dropped / (self.dropped + len(self.ages))
        return (
            f"{len(self.ages):6} answered, {share:4.0%} dropped, age p50"
            f" {cuts[49] * 1000:6.1f}  p99 {cuts[98] * 1000:6.1f}"
            f"  max {max(self.ages) * 1000:6.1f} ms"
        )


def frame(number: int, policy: pb.OverflowPolicy.ValueType) -> pb.DetectStreamRequest:
    """One frame."""
    return pb.DetectStreamRequest(
        frame_id=number,
        request=pb.DetectRequest(encoded_image=PHOTO),
        overflow_policy=policy,
    )


def capacity(target: str, seconds: float) -> float:
    """Frames a second of one stream that waits."""
    end = time.perf_counter() + seconds

    def frames() -> Iterator[pb.DetectStreamRequest]:
        while time.perf_counter() < end:
            yield frame(0, pb.OVERFLOW_POLICY_WAIT)

    with grpc.insecure_channel(target, OWN_CONNECTION) as channel:
        answers = sum(1 for _ in DetectServiceStub(channel).DetectStream(frames()))
    return answers / seconds


def live(target: str, rate: float, seconds: float) -> Seen:
    """Sends `rate` frames a second and never waits for answers."""
    sent: dict[int, float] = {}

    def frames() -> Iterator[pb.DetectStreamRequest]:
        started = time.perf_counter()
        for number in range(int(rate * seconds)):
            time.sleep(max(0.0, started + number / rate - time.perf_counter()))
            sent[number] = time.perf_counter()
            yield frame(number, pb.OVERFLOW_POLICY_DROP_OLDEST)

    seen = Seen()
    with grpc.insecure_channel(target, OWN_CONNECTION) as channel:
        for answer in DetectServiceStub(channel).DetectStream(frames()):
            if answer.HasField("response"):
                seen.ages.append(time.perf_counter() - sent[answer.frame_id])
            else:
                seen.dropped += 1
    return seen


def compete(target: str, stop: threading.Event) -> None:
    """Streams that always have more to send, on one connection."""

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


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description="The age of live video's answers")
    parser.add_argument("--model", default=EMBEDDED)
    parser.add_argument("--seconds", type=float, default=8)
    given = parser.parse_args()
    with serving("--model", given.model) as (_, target), ExitStack() as stack:
        most = capacity(target, given.seconds)
        print(f"{Path(given.model).stem}, {given.seconds:g} s each")
        print(f"one stream that waits: {most:.0f} frames/s")
        for competes in (False, True):
            if competes:
                stop = threading.Event()
                thread = threading.Thread(target=compete, args=(target, stop))
                thread.start()
                stack.callback(thread.join)
                stack.callback(stop.set)
            print("beside a competitor" if competes else "alone")
            for rate in RATES:
                seen = live(target, rate * most, given.seconds)
                print(f"{rate:5g} x: {seen.line()}", flush=True)


if __name__ == "__main__":
    main()
