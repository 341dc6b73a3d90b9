"""Streams that are read to their end, and streams that are left half-way."""

import asyncio
from typing import TypeAlias

import grpc

from benchmarks.soak.caller import LOST_SECONDS, Caller, frame_outcome, outcome
from benchmarks.soak.ledger import CANCELLED, DROPPED, OK, Kind
from benchmarks.soak.photos import Photo, seen
from facewire.v1 import detect_pb2 as pb
from facewire.v1 import detect_pb2_grpc

Call: TypeAlias = "grpc.aio.StreamStreamCall[pb.DetectStreamRequest, pb.DetectStreamResponse]"

FRAMES = 24

FRAME_SECONDS = 0.04
"""Between two frames of live video."""

WHOLE = {
    pb.OVERFLOW_POLICY_WAIT: Kind("frames that wait", "DetectStream", frozenset((OK,))),
    pb.OVERFLOW_POLICY_DROP_OLDEST: Kind(
        "frames of live video", "DetectStream", frozenset((OK, DROPPED))
    ),
}
LEFT = {
    pb.OVERFLOW_POLICY_WAIT: Kind(
        "frames that wait, left", "DetectStream", frozenset((OK, CANCELLED))
    ),
    pb.OVERFLOW_POLICY_DROP_OLDEST: Kind(
        "frames of live video, left", "DetectStream", frozenset((OK, DROPPED, CANCELLED))
    ),
}


async def stream(caller: Caller, policy: pb.OverflowPolicy.ValueType) -> None:
    """Open streams one after the other; every other one is left half-way."""
    leaves = False
    while not caller.stop.is_set():
        kind = (LEFT if leaves else WHOLE)[policy]
        answers = caller.rng.randrange(FRAMES) if leaves else FRAMES
        async with caller.connection() as stub:
            await _one(caller, kind, policy, stub, answers)
        leaves = not leaves
        await caller.pause(0.5)


async def _one(
    caller: Caller,
    kind: Kind,
    policy: pb.OverflowPolicy.ValueType,
    stub: "detect_pb2_grpc.DetectServiceAsyncStub",
    answers: int,
) -> None:
    """Open one stream, and leave it after so many answers."""
    call = stub.DetectStream(timeout=LOST_SECONDS)
    sent: list[Photo] = []
    writer = asyncio.create_task(_write(caller, kind, policy, call, sent))
    taken, ending = 0, CANCELLED
    try:
        while taken < answers:
            answer = await call.read()
            if not isinstance(answer, pb.DetectStreamResponse):
                break  # the end
            caller.ledger.end(kind, _checked(caller, answer, taken, sent))
            taken += 1
        if answers == FRAMES and await call.read() is not grpc.aio.EOF:
            caller.ledger.mistake("a stream had more answers than frames")
    except grpc.aio.AioRpcError as error:
        ending = outcome(error)
    call.cancel()
    writer.cancel()
    await asyncio.gather(writer, return_exceptions=True)
    caller.ledger.end(kind, ending, len(sent) - taken)


async def _write(
    caller: Caller, kind: Kind, policy: pb.OverflowPolicy.ValueType, call: Call, sent: list[Photo]
) -> None:
    for number in range(FRAMES):
        photo = caller.photo()
        request = pb.DetectRequest(encoded_image=photo.jpeg)
        sent.append(photo)
        caller.ledger.send(kind)
        await call.write(
            pb.DetectStreamRequest(frame_id=number, request=request, overflow_policy=policy)
        )
        if policy == pb.OVERFLOW_POLICY_DROP_OLDEST:
            await asyncio.sleep(FRAME_SECONDS)
    await call.done_writing()


def _checked(
    caller: Caller, answer: pb.DetectStreamResponse, number: int, sent: list[Photo]
) -> str:
    """The outcome of a frame; what is wrong with its answer goes to the ledger."""
    if answer.frame_id != number:
        caller.ledger.mistake(f"frame {answer.frame_id} in the place of {number}")
    outcome = frame_outcome(answer)
    if outcome == OK:
        caller.ledger.mistake(sent[number].mistake(*seen(answer.response)))
    return outcome
