"""Failed requests leave nothing behind that only the garbage collector would end."""

import gc
import time
from collections.abc import Callable, Iterator

import grpc
import pytest

from facewire.v1 import detect_pb2 as pb
from facewire.v1.detect_pb2_grpc import DetectServiceStub

FAILURES = {
    "no image": pb.DetectRequest(encoded_image=b"no image"),
    "empty": pb.DetectRequest(encoded_image=b""),
    "corrupt JPEG": pb.DetectRequest(encoded_image=b"\xff\xd8\xff\xe0" + bytes(99)),
    "corrupt PNG": pb.DetectRequest(encoded_image=b"\x89PNG\r\n\x1a\n" + bytes(99)),
    "corrupt WebP": pb.DetectRequest(encoded_image=b"RIFF\x10\0\0\0WEBPVP8 " + bytes(99)),
    "corrupt TIFF": pb.DetectRequest(encoded_image=b"II*\x00\x08\0\0\0" + bytes(99)),
    "corrupt BMP": pb.DetectRequest(encoded_image=b"BM" + bytes(99)),
    "bad raw image": pb.DetectRequest(
        raw_image=pb.RawImage(data=b"1", width=9, height=9, pixel_format=pb.PIXEL_FORMAT_GRAY)
    ),
    "unknown model": pb.DetectRequest(encoded_image=b"1", model="x"),
    "bad option": pb.DetectRequest(options=pb.DetectOptions(min_confidence=2)),
    "too large": pb.DetectRequest(encoded_image=bytes(1 << 20)),
}


@pytest.fixture
def no_collector() -> Iterator[None]:
    """Cycles live on, so that they can be seen."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def alive() -> int:
    """How many messages with images there are in this process, the server's too."""
    kinds = (pb.DetectRequest, pb.DetectStreamRequest)
    return sum(isinstance(each, kinds) for each in gc.get_objects())


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def fail(stub: DetectServiceStub, request: pb.DetectRequest, timeout: float) -> None:
    try:
        stub.Detect(request, timeout=timeout)
    except grpc.RpcError:
        return
    raise AssertionError("it was answered")


@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize("kind", FAILURES)
def test_a_refused_call_keeps_nothing_of_its_message(stub: DetectServiceStub, kind: str) -> None:
    before = alive()
    for _ in range(3):
        fail(stub, FAILURES[kind], 30)
    wait_until(lambda: alive() <= before)


@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize("kind", FAILURES)
def test_a_refused_frame_keeps_nothing_of_its_message(stub: DetectServiceStub, kind: str) -> None:
    before = alive()
    frames = [pb.DetectStreamRequest(request=FAILURES[kind])] * 3
    for answer in stub.DetectStream(iter(frames), timeout=30):
        assert answer.HasField("error")
    del frames
    wait_until(lambda: alive() <= before)


@pytest.mark.usefixtures("no_collector")
def test_calls_that_come_too_late_or_are_cancelled_keep_nothing(
    stub: DetectServiceStub, photo: bytes
) -> None:
    request = pb.DetectRequest(encoded_image=photo)
    before = alive()
    for _ in range(3):
        fail(stub, request, 0.003)
        call = stub.Detect.future(request)
        time.sleep(0.002)
        call.cancel()
    del call
    wait_until(lambda: alive() <= before)


@pytest.mark.usefixtures("no_collector")
def test_a_cancelled_stream_keeps_none_of_its_messages(
    stub: DetectServiceStub, photo: bytes
) -> None:
    request = pb.DetectRequest(encoded_image=photo)
    before = alive()

    def frames() -> Iterator[pb.DetectStreamRequest]:
        for _ in range(100):
            yield pb.DetectStreamRequest(request=request)

    call = stub.DetectStream(frames(), timeout=30)
    assert next(call).HasField("response")
    call.cancel()
    del call
    wait_until(lambda: alive() <= before)
