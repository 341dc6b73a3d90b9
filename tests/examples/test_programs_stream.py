"""The six programs send no more photos of a folder than a window ahead of the answers."""

import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue

import grpc

from facewire.v1 import detect_pb2 as pb
from tests.client.fake_server import FakeServer
from tests.examples.programs import Program

WINDOW = 16
PHOTOS = 40


class Counter(FakeServer):
    """Answers a stream when nothing more arrives; `ahead` is how much had arrived by then."""

    ahead = 0

    def DetectStream(
        self, request_iterator: Iterator[pb.DetectStreamRequest], context: grpc.ServicerContext
    ) -> Iterator[pb.DetectStreamResponse]:
        arrived: SimpleQueue[pb.DetectStreamRequest | None] = SimpleQueue()

        def read() -> None:
            with suppress(grpc.RpcError):  # a program may cancel once it has all answers
                for request in request_iterator:
                    arrived.put(request)
            arrived.put(None)

        threading.Thread(target=read).start()
        waiting = [arrived.get() for _ in range(WINDOW)]
        with suppress(Empty):
            while True:
                waiting.append(arrived.get(timeout=0.3))
        self.ahead = len(waiting)
        while (frame := waiting.pop(0) if waiting else arrived.get()) is not None:
            response = pb.DetectResponse(image_width=len(frame.request.encoded_image))
            yield pb.DetectStreamResponse(frame_id=frame.frame_id, response=response)


def test_a_folder_is_sent_a_window_ahead_of_the_answers(program: Program, tmp_path: Path) -> None:
    for number in range(PHOTOS):
        (tmp_path / f"{number:02}.jpg").write_bytes(b"x" * (number + 1))
    with Counter() as server:
        output = program("--server", server.target, tmp_path)
    assert [line["width"] for line in output.lines] == list(range(1, PHOTOS + 1))
    assert [Path(line["image"]).name for line in output.lines] == sorted(
        path.name for path in tmp_path.iterdir()
    )
    assert output.status == 0
    assert server.ahead == WINDOW
