"""AsyncFaceClient: calls, errors and closing."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import grpc
import pytest

from facewire.v1 import detect_pb2 as pb
from facewire_client import AsyncFaceClient, FaceClientError
from tests.client.failure import Failure
from tests.client.fake_server import FakeServer
from tests.client.test_client import NANO, RESPONSE, RESULT

T = TypeVar("T")


def ask(
    target: str,
    call: Callable[[AsyncFaceClient], Awaitable[T]],
    *,
    token: str | None = None,
    max_message_mb: int = 32,
) -> T:
    """Return the result of one call, made by a client of its own."""

    async def main() -> T:
        async with AsyncFaceClient(target, token=token, max_message_mb=max_message_mb) as client:
            return await call(client)

    return asyncio.run(main())


def failure(target: str, image: bytes = b"x", *, max_message_mb: int = 32) -> FaceClientError:
    """Return the error of a call."""
    with pytest.raises(FaceClientError) as caught:
        ask(target, lambda client: client.detect(image), max_message_mb=max_message_mb)
    return caught.value


def test_a_result_holds_all_fields_of_the_response(fake: FakeServer) -> None:
    fake.answer = lambda request: RESPONSE
    assert ask(fake.target, lambda client: client.detect(b"x")) == RESULT


def test_a_path_is_read(fake: FakeServer, tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(b"a photo")
    ask(fake.target, lambda client: client.detect(path))
    assert fake.requests[-1].encoded_image == b"a photo"


def test_options_reach_the_server_and_zero_is_sent(fake: FakeServer) -> None:
    ask(
        fake.target,
        lambda client: client.detect(b"x", model="large", max_detections=0),
    )
    assert fake.requests[-1].model == "large"
    assert fake.requests[-1].options == pb.DetectOptions(max_detections=0)


def test_models_and_health_are_those_of_the_server(fake: FakeServer) -> None:
    assert ask(fake.target, lambda client: client.models())[0] == NANO
    assert ask(fake.target, lambda client: client.model("nano")) == NANO
    assert ask(fake.target, lambda client: client.health()) is True
    with pytest.raises(FaceClientError, match="no service and no model"):
        ask(fake.target, lambda client: client.health(model="absent"))


def test_an_error_has_the_code_and_the_reason_of_the_server(fake: FakeServer) -> None:
    code = grpc.StatusCode.INVALID_ARGUMENT
    fake.failures.append(Failure(code, "CORRUPT_IMAGE", message="so it is"))
    assert failure(fake.target).args == (code, "CORRUPT_IMAGE", "so it is")


def test_an_unreachable_server_is_named() -> None:
    message = "cannot reach 127.0.0.1:1: Connection refused"
    assert failure("127.0.0.1:1").message == message


def test_a_call_to_a_full_server_is_retried_after_the_pushback(fake: FakeServer) -> None:
    full = Failure(grpc.StatusCode.RESOURCE_EXHAUSTED, "QUEUE_FULL", pushback=5)
    fake.failures.extend([full, full])
    ask(fake.target, lambda client: client.detect(bytes(1 << 20)))
    assert fake.calls == 3


def test_an_answer_that_does_not_come_in_time_is_an_error(fake: FakeServer) -> None:
    fake.answer = fake.hang
    with pytest.raises(FaceClientError, match="did not answer in time"):
        ask(fake.target, lambda client: client.detect(b"x", timeout=0.1))


def test_a_message_over_the_limit_of_the_client_is_not_sent(fake: FakeServer) -> None:
    error = failure(fake.target, bytes(1 << 20), max_message_mb=1)
    assert error.reason == "MESSAGE_TOO_LARGE"
    assert fake.calls == 0


def test_an_answer_over_the_limit_of_the_client_names_its_setting(
    fake: FakeServer,
) -> None:
    fake.answer = lambda request: pb.DetectResponse(model_name="x" * (2 << 20))
    error = failure(fake.target, max_message_mb=1)
    assert error.reason == "MESSAGE_TOO_LARGE"
    assert "`max_message_mb`" in error.message


def test_the_token_goes_with_every_call(fake: FakeServer) -> None:
    ask(fake.target, lambda client: client.detect(b"x"), token="secret")
    assert fake.metadata[0]["authorization"] == "Bearer secret"


def test_calls_run_concurrently(fake: FakeServer) -> None:
    async def calls(client: AsyncFaceClient) -> list[int]:
        results = await asyncio.gather(*(client.detect(bytes(n)) for n in (3, 1, 2)))
        return [result.image_size[0] for result in results]

    assert ask(fake.target, calls) == [3, 1, 2]


def test_a_client_that_made_no_call_can_be_closed() -> None:
    asyncio.run(AsyncFaceClient("127.0.0.1:1").close())


def test_a_closed_client_takes_no_calls(fake: FakeServer) -> None:
    async def main() -> None:
        client = AsyncFaceClient(fake.target)
        await client.detect(b"x")
        await client.close()
        for call in (
            lambda: client.detect(b"x"),
            client.models,
            client.model,
            client.health,
            lambda: anext(client.detect_stream([b"x"])),
        ):
            with pytest.raises(ValueError, match=f"client of {fake.target} is closed"):
                await call()
        await client.close()

    asyncio.run(main())


class Hung:
    """An `answer` that sets `asked` and then blocks."""

    def __init__(self, fake: FakeServer) -> None:
        self.asked = threading.Event()
        self._fake = fake

    def __call__(self, request: pb.DetectRequest) -> pb.DetectResponse:
        self.asked.set()
        return self._fake.hang(request)


@pytest.mark.parametrize("streams", [False, True])
def test_closing_ends_a_call_but_does_not_cancel_its_task(fake: FakeServer, streams: bool) -> None:
    fake.answer = hung = Hung(fake)

    async def call(client: AsyncFaceClient) -> object:
        if streams:
            return [answer async for answer in client.detect_stream([b"x"])]
        return await client.detect(b"x")

    async def main() -> FaceClientError:
        client = AsyncFaceClient(fake.target)
        task = asyncio.create_task(call(client))
        assert await asyncio.to_thread(hung.asked.wait, 60)
        await client.close()
        with pytest.raises(FaceClientError, match="closed") as caught:
            await task
        return caught.value

    assert asyncio.run(main()).code is grpc.StatusCode.CANCELLED


def test_cancelling_a_task_raises_cancelled_error(fake: FakeServer) -> None:
    fake.answer = hung = Hung(fake)

    async def main() -> None:
        async with AsyncFaceClient(fake.target) as client:
            task = asyncio.create_task(client.detect(b"x"))
            assert await asyncio.to_thread(hung.asked.wait, 60)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(main())
