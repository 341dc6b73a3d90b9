"""Envoy's answers, to curl, to a page and to gRPC, are those of the server behind it."""

import json
import shutil
import struct
import subprocess
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
from google.protobuf.json_format import Parse, ParseDict

from facewire.inference.v2.open_inference_pb2 import SystemSharedMemoryStatusRequest
from facewire.inference.v2.open_inference_pb2_grpc import GRPCInferenceServiceStub
from facewire.v1 import detect_pb2 as pb
from facewire.v1.detect_pb2_grpc import DetectServiceStub
from facewire_client import FaceClient, FaceClientError
from facewire_server.config import Config
from facewire_server.lifecycle.background import BackgroundServer
from facewire_server.models.source import DATA
from tests.deploy.envoy import Envoy, running, settings, with_envoy
from tests.server.health import SERVING, check

pytestmark = with_envoy

PHOTO = (DATA / "astronaut.jpg").read_bytes()
ORIGIN = "http://localhost:5173"
DETECT = "/facewire.v1.DetectService/Detect"
TRAILERS = 0x80
"""The flag of gRPC-Web's frame of trailers."""


@pytest.fixture(scope="module")
def server() -> Iterator[BackgroundServer]:
    with BackgroundServer(Config(port=0, metrics_port=None, response_cache_mb=1)) as opened:
        yield opened


@pytest.fixture(scope="module")
def envoy(server: BackgroundServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Envoy]:
    with running(settings(server.target), tmp_path_factory.mktemp("envoy")) as opened:
        yield opened


@pytest.fixture(scope="module")
def http(envoy: Envoy) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"http://{envoy.target}", timeout=60, trust_env=False) as client:
        yield client


@pytest.fixture(scope="module")
def expected(server: BackgroundServer) -> pb.DetectResponse:
    """What the server itself answers to the photo."""
    request = pb.DetectRequest(encoded_image=PHOTO, options=pb.DetectOptions(min_confidence=0.25))
    with grpc.insecure_channel(server.target) as channel:
        answer = DetectServiceStub(channel).Detect(request)
    assert answer.detections
    return comparable(answer)


def comparable(answer: pb.DetectResponse) -> pb.DetectResponse:
    """An answer without what differs from call to call."""
    answer.ClearField("timing")
    answer.ClearField("cached")
    return answer


def test_curl_sends_a_photo(envoy: Envoy, tmp_path: Path, expected: pb.DetectResponse) -> None:
    curl = shutil.which("curl")
    if curl is None:
        pytest.skip("curl is not here")
    (tmp_path / "photo.jpg").write_bytes(PHOTO)
    url = f"http://{envoy.target}/v1/detect-image?options.min_confidence=0.25"
    command = [curl, "--silent", "--fail", "--data-binary", "@photo.jpg", url]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=60, check=True)
    assert comparable(Parse(done.stdout, pb.DetectResponse())) == expected


def test_json_is_answered_with_json(http: httpx.Client, expected: pb.DetectResponse) -> None:
    image = b64encode(PHOTO).decode()
    answer = http.post(
        "/v1/detect", json={"encoded_image": image, "options": {"min_confidence": 0.25}}
    )
    assert answer.status_code == 200
    assert comparable(ParseDict(answer.json(), pb.DetectResponse())) == expected


def test_models_are_listed_and_described(http: httpx.Client) -> None:
    (model,) = http.get("/v1/models").json()["models"]
    assert model["is_default"]
    assert http.get(f"/v1/models/{model['name']}").json() == {"model": model}


def test_a_page_calls_by_grpc_web(http: httpx.Client, expected: pb.DetectResponse) -> None:
    request = pb.DetectRequest(encoded_image=PHOTO, options=pb.DetectOptions(min_confidence=0.25))
    answer = grpc_web(http, request.SerializeToString())
    frames = dict(web_frames(answer.content))
    assert comparable(pb.DetectResponse.FromString(frames[0])) == expected
    assert b"grpc-status:0" in frames[TRAILERS]
    assert answer.headers["access-control-allow-origin"] == ORIGIN


def test_a_page_is_told_the_reason(http: httpx.Client) -> None:
    answer = grpc_web(http, b"")
    assert answer.headers["grpc-status"] == "3"
    assert answer.headers["grpc-message"] == "the request has no image"
    assert "grpc-status-details-bin" in answer.headers["access-control-expose-headers"]


def grpc_web(http: httpx.Client, message: bytes) -> httpx.Response:
    headers = {"content-type": "application/grpc-web+proto", "origin": ORIGIN}
    return http.post(DETECT, content=struct.pack(">BI", 0, len(message)) + message, headers=headers)


def web_frames(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The flag and the content of each frame."""
    while data:
        flag, length = struct.unpack_from(">BI", data)
        yield flag, data[5 : 5 + length]
        data = data[5 + length :]


def test_grpc_passes_through(envoy: Envoy, server: BackgroundServer) -> None:
    with FaceClient(envoy.target) as through, FaceClient(server.target) as direct:
        assert through.detect(PHOTO).faces == direct.detect(PHOTO).faces
        images = [PHOTO, b"no image", PHOTO]
        found = [getattr(each, "faces", None) for each in through.detect_stream(images)]
        assert found == [getattr(each, "faces", None) for each in direct.detect_stream(images)]
    with grpc.insecure_channel(envoy.target) as channel:
        assert check(channel) == SERVING


def test_shared_memory_does_not_pass(envoy: Envoy) -> None:
    with (
        grpc.insecure_channel(envoy.target) as channel,
        pytest.raises(grpc.RpcError) as error,
    ):
        request = SystemSharedMemoryStatusRequest()
        GRPCInferenceServiceStub(channel).SystemSharedMemoryStatus(request, timeout=60)
    call: Any = error.value
    assert call.code() is grpc.StatusCode.PERMISSION_DENIED


BAD: list[tuple[int, bytes, dict[str, Any]]] = [
    (400, b"", {}),
    (400, b"no image", {}),
    (400, b"GIF89a" + bytes(99), {}),
    (400, PHOTO[:5000], {}),
    (400, PHOTO, {"min_confidence": 2}),
    (400, PHOTO, {"max_detections": 0}),
    (404, PHOTO, {"model": "other"}),
    (429, bytes(32 << 20), {}),
]


@pytest.mark.parametrize(("status", "image", "options"), BAD)
def test_bad_input_is_refused_with_the_status_reason_and_message_of_the_client(
    http: httpx.Client, server: BackgroundServer, status: int, image: bytes, options: Any
) -> None:
    parameters = {
        name if name == "model" else f"options.{name}": value for name, value in options.items()
    }
    answer = http.post("/v1/detect-image", content=image, params=parameters)
    assert answer.status_code == status
    (detail,) = answer.json()["details"]
    with FaceClient(server.target) as client, pytest.raises(FaceClientError) as error:
        client.detect(image, **options)
    assert detail["reason"] == error.value.reason
    assert answer.json()["code"] == error.value.code.value[0]


def test_a_deadline_that_cannot_be_met_is_a_gateway_timeout(http: httpx.Client) -> None:
    other = http.post("/v1/detect-image", content=PHOTO)
    assert other.status_code == 200
    unlike = PHOTO + b"\0"  # not in the response cache
    answer = http.post("/v1/detect-image", content=unlike, headers={"grpc-timeout": "1m"})
    assert answer.status_code == 504


def test_without_a_deadline_or_with_enough_time_it_is_answered(http: httpx.Client) -> None:
    answer = http.post("/v1/detect-image", content=PHOTO, headers={"grpc-timeout": "50S"})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("path", "content", "status", "words"),
    [
        ("/v1/detect", b'{"encoded_image": 3}', 400, "encoded_image: invalid value 3"),
        ("/v1/detect", b'{"encoded_image', 400, "quote expected"),
        ("/v1/detect-image?options.min=1", PHOTO, 400, 'field \\"min\\"'),
        ("/v1/detect-image", bytes(46_000_000), 413, "exceeds the configured limit"),
        ("/v1/nothing", b"", 404, "Could not resolve"),
        ("/nothing", b"", 404, "Could not resolve"),
    ],
)
def test_what_envoy_refuses_itself_is_json_too(
    http: httpx.Client, path: str, content: bytes, status: int, words: str
) -> None:
    answer = http.post(path, content=content)
    assert (answer.status_code, answer.json()["status"]) == (status, status)
    assert words in json.dumps(answer.json()["message"])
    assert answer.json()["reason"]


@pytest.mark.parametrize(("origin", "allowed"), [(ORIGIN, True), ("http://other.example", False)])
def test_only_named_origins_may_call(http: httpx.Client, origin: str, allowed: bool) -> None:
    headers = {
        "origin": origin,
        "access-control-request-method": "POST",
        "access-control-request-headers": "content-type,x-grpc-web",
    }
    preflight = http.options(DETECT, headers=headers)
    assert preflight.headers.get("access-control-allow-origin") == (origin if allowed else None)
    answer = http.get("/v1/models", headers={"origin": origin})
    assert ("access-control-allow-origin" in answer.headers) == allowed
