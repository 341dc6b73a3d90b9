"""What is made of the bytes of a message."""

import asyncio
from collections.abc import AsyncIterator

import numpy as np
import pytest
from google.protobuf.message import DecodeError

from facewire.v1 import detect_pb2 as pb
from facewire_server.errors import Reason, RequestError
from facewire_server.rpc.message_parser import ARRIVED, PATHS, cut_out, parser, receive
from tests.fuzz.request_target import assert_same

LIMIT = 1000
parse = parser(pb.DetectStreamRequest.FromString, limit=LIMIT, path=PATHS["DetectStream"])


def message(size: int) -> bytes:
    request = pb.DetectRequest(encoded_image=bytes(size), model="x")
    frame = pb.DetectStreamRequest(
        frame_id=7, request=request, overflow_policy=pb.OVERFLOW_POLICY_WAIT
    )
    return frame.SerializeToString()


def test_a_message_within_the_limit_is_parsed_and_its_size_is_known() -> None:
    data = message(LIMIT // 2)
    assert parse(data).request.model == "x"
    assert ARRIVED.get().size == len(data)


def test_of_one_over_the_limit_the_small_fields_are_read() -> None:
    data = message(LIMIT)
    parsed = parse(data)
    assert (parsed.frame_id, parsed.overflow_policy) == (7, pb.OVERFLOW_POLICY_WAIT)
    assert not parsed.HasField("request")
    assert ARRIVED.get() == (len(data), None)


def test_the_number_of_a_frame_is_found_behind_its_image_too() -> None:
    number = pb.DetectStreamRequest(frame_id=7).SerializeToString()
    image = message(LIMIT)[len(number) :]
    assert parse(image + number).frame_id == 7


@pytest.mark.parametrize("data", [b"\xff\xff\xff", b"\xff" * 2000, b"\x0a\xff", b"\x0b" * 2000])
def test_bytes_that_are_no_message_are_the_callers_fault(data: bytes) -> None:
    with pytest.raises(RequestError) as error:
        parse(data)
    assert error.value.reason is Reason.BAD_MESSAGE


def test_each_task_knows_the_size_of_what_it_has_read_itself() -> None:
    async def read(size: int) -> int:
        data = message(size)
        parse(data)
        await asyncio.sleep(0)
        size_seen: int = ARRIVED.get().size
        return size_seen - len(data)

    async def main() -> None:
        assert await asyncio.gather(*map(read, range(5))) == [0] * 5

    asyncio.run(main())


def test_the_image_is_a_view_of_the_message() -> None:
    data = message(LIMIT // 2)
    parsed = parse(data)
    assert parsed.request.WhichOneof("image") == "encoded_image"
    assert not parsed.request.encoded_image
    image = ARRIVED.get().image
    assert isinstance(image, memoryview)
    assert image.obj is data
    assert image == bytes(LIMIT // 2)


def test_a_stream_does_not_keep_the_image_that_it_has_handed_over() -> None:
    data = message(LIMIT // 2)

    async def messages() -> AsyncIterator[pb.DetectStreamRequest]:
        yield parse(data)

    async def main() -> None:
        received = await receive(messages())
        assert received is not None
        assert received.arrival.size == len(data)
        assert received.arrival.image == bytes(LIMIT // 2)
        assert ARRIVED.get() == (0, None)

    asyncio.run(main())


MODEL = b"\x1a\x01x"
IMAGE = b"\x0a\x03abc"
RAW = b"\x12\x07\x0a\x03abc\x10\x05"
UNKNOWN = b"\xfa\x01\x02hi\x80\x02\x96\x01\xf9\x01" + bytes(8) + b"\xfd\x01" + bytes(4)
CUT = [
    IMAGE,
    RAW,
    MODEL + IMAGE + MODEL,
    UNKNOWN + RAW + MODEL,
    b"\x0a\x83\x80\0abc",
    b"\x8a\0\x03abc",
]
WHOLE = [
    b"",
    MODEL,
    IMAGE + IMAGE,
    IMAGE + RAW,
    RAW + IMAGE,
    RAW + b"\x12\x02\x10\x07",
    b"\x12\x06" + 2 * b"\x0a\x01a",
    b"\x12\x02\x10\x05",
    b"\x08\x05" + IMAGE,
    17 * MODEL + IMAGE,
    b"\xfb\x01\xfc\x01" + IMAGE,
]
BROKEN = [
    b"\0\0" + IMAGE,
    b"\xfe\x01" + IMAGE,
    IMAGE[:-1],
    RAW[:-1],
    IMAGE + b"\x1a\x05x",
    b"\x12\x04\x0a\x03ab" + MODEL,
    b"\x1a\x01\xff" + IMAGE,
    b"\x0a\x83\x80\x80\x80\x80\0abc",
    b"\x8a\x80\x80\x80\x80\0\x03abc",
    b"\x8a\x80\x80\x80\x10\x03abc",
    b"\xf8\x01" + 10 * b"\xff" + b"\x01" + IMAGE,
]


def parsed(data: bytes) -> pb.DetectRequest | None:
    try:
        return pb.DetectRequest.FromString(data)
    except DecodeError:
        return None


@pytest.mark.parametrize("data", CUT + WHOLE + BROKEN)
def test_a_message_without_its_image_is_what_protobuf_says_it_is(data: bytes) -> None:
    rest, image = cut_out(data, PATHS["Detect"])
    whole, left = parsed(data), parsed(rest)
    assert (left is None) == (whole is None) == (data in BROKEN)
    assert data in BROKEN or (image is not None) == (data in CUT)
    if whole is not None and left is not None:
        assert_same(whole, left, image)


def test_so_it_is_for_any_bytes() -> None:
    random = np.random.default_rng(0)
    seeds = [np.frombuffer(each, np.uint8) for each in (*CUT, *WHOLE, *BROKEN) if each]
    cuts = 0
    for _ in range(10_000):
        pieces = [seeds[index] for index in random.integers(len(seeds), size=2)]
        data = np.concatenate(pieces)
        where = random.integers(len(data), size=random.integers(3))
        data[where] = random.choice([*range(32), 127, 128, 255], size=len(where))
        rest, image = cut_out(data.tobytes(), PATHS["Detect"])
        whole, left = parsed(data.tobytes()), parsed(rest)
        assert (left is None) == (whole is None), data.tobytes()
        if whole is not None and left is not None:
            assert_same(whole, left, image)
            cuts += image is not None
    assert cuts > 100
