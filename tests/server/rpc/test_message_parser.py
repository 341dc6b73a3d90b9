"""What is made of the bytes of a message."""

import asyncio

import pytest

from facewire.v1 import detect_pb2 as pb
from facewire_server.errors import Reason, RequestError
from facewire_server.rpc.message_parser import parser, received_size

LIMIT = 1000
parse = parser(pb.DetectStreamRequest.FromString, LIMIT)


def message(size: int) -> bytes:
    request = pb.DetectRequest(encoded_image=bytes(size), model="x")
    frame = pb.DetectStreamRequest(
        frame_id=7, request=request, overflow_policy=pb.OVERFLOW_POLICY_WAIT
    )
    return frame.SerializeToString()


def test_a_message_within_the_limit_is_parsed_and_its_size_is_known() -> None:
    data = message(LIMIT // 2)
    assert parse(data).request.model == "x"
    assert received_size.get() == len(data)


def test_of_one_over_the_limit_the_small_fields_are_read() -> None:
    data = message(LIMIT)
    parsed = parse(data)
    assert (parsed.frame_id, parsed.overflow_policy) == (7, pb.OVERFLOW_POLICY_WAIT)
    assert not parsed.HasField("request")
    assert received_size.get() == len(data)


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
        return received_size.get() - len(data)

    async def main() -> None:
        assert await asyncio.gather(*map(read, range(5))) == [0] * 5

    asyncio.run(main())
