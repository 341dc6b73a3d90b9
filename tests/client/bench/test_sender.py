"""The requests that are sent, and what is recorded of an answer."""

from facewire.v1.detect_pb2 import Detection, DetectResponse, Timing
from facewire_client.bench.recorder import STAGES
from facewire_client.bench.sender import DETECT


def test_a_request_holds_the_image_and_the_model() -> None:
    request = DETECT.request(b"image", "nano")
    assert request.SerializeToString() == b"\x0a\x05image\x1a\x04nano"


def test_an_answer_has_the_number_of_detections_and_the_servers_times() -> None:
    timing = Timing(queue_us=1, decode_us=2, inference_us=3, postprocess_us=4, total_us=10)
    reply = DetectResponse(detections=[Detection(), Detection()], timing=timing)
    answer = DETECT.answer(reply.SerializeToString())
    assert answer.detections == 2
    assert answer.stages == dict(zip(STAGES, (1e-6, 2e-6, 3e-6, 4e-6, 10e-6), strict=True))
