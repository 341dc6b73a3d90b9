"""What programs for Triton do beside a plain call: by its clients, and by grpcurl."""

import json
import shutil
import subprocess
from base64 import b64decode, b64encode
from pathlib import Path

import numpy as np
import pytest

from facewire.v1.detect_pb2_grpc import DetectServiceStub
from facewire_server.lifecycle.background import BackgroundServer
from tests.server.clients import PHOTO, ROOT, detected, needs, printed, python, run, snippet

ASYNCIO = """
import asyncio, sys
import numpy as np
import tritonclient.grpc.aio as triton

def requests(image):
    for number in range(3):
        yield {"model_name": "", "inputs": [image], "request_id": str(number)}

async def aiter(values):
    for value in values:
        yield value

async def main(address, path):
    async with triton.InferenceServerClient(address) as client:
        photo = np.array([open(path, "rb").read()], dtype=object)
        image = triton.InferInput("image", photo.shape, "BYTES")
        image.set_data_from_numpy(photo)
        results = await asyncio.gather(*(client.infer("", [image]) for _ in range(4)))
        print(len({result.as_numpy("boxes").tobytes() for result in results}))
        print(*results[0].as_numpy("boxes")[0].tolist())
        async for result, error in client.stream_infer(aiter(requests(image))):
            assert error is None, error
            print(result.get_response().id, *result.as_numpy("boxes")[0].tolist())

asyncio.run(main(*sys.argv[1:]))
"""

CALLS = """
import sys
from queue import SimpleQueue
import numpy as np
import tritonclient.grpc as triton

client = triton.InferenceServerClient(sys.argv[1])
photo = np.array([[open(sys.argv[2], "rb").read()]], dtype=np.object_)
image = triton.InferInput("photo", photo.shape, "BYTES")
image.set_data_from_numpy(photo)
version = client.get_model_metadata("face-detection-nano").versions[0]

def infer(**options):
    try:
        result = client.infer("face-detection-nano", [image], **options)
        print(len(result.as_numpy("boxes")), result.get_response().id)
    except triton.InferenceServerException as error:
        print(error.status(), error.message())

infer(model_version=version, request_id="42", headers={"x-request-id": "me"}, client_timeout=30)
infer(priority=1, timeout=30_000_000, sequence_id="7", sequence_start=True, sequence_end=True)
infer(parameters={"min_confidence": 0, "max_detections": 3})
infer(parameters={"min_confidence": "0.5"})
infer(parameters={"minimum": 1})
infer(outputs=[triton.InferRequestedOutput("boxes", class_count=2)])
infer(model_version="1")
infer(timeout=1)
infer(compression_algorithm="gzip")
answers = SimpleQueue()
client.async_infer("", [image], callback=lambda result, error: answers.put((result, error)))
print(len(answers.get(timeout=30)[0].as_numpy("boxes")))
"""

READS = """
import json, sys
import tritonclient.grpc as triton

client = triton.InferenceServerClient(sys.argv[1])
name = "face-detection-nano"
print(json.dumps([
    client.get_server_metadata(as_json=True),
    client.get_model_metadata(name, as_json=True),
    client.get_model_config(name, as_json=True)["config"],
    client.get_model_repository_index(as_json=True)["models"],
]))
"""

with_client = needs("tritonclient")
TRITON = python("tritonclient")


@with_client
def test_the_asyncio_client_of_triton_gets_the_boxes_of_detect(
    server: BackgroundServer, stub: DetectServiceStub, photo: bytes
) -> None:
    count, *lines = run(TRITON, ASYNCIO, server.target, PHOTO)
    assert count == "1"
    (row,) = detected(stub, photo)
    box = " ".join(map(str, row))
    assert lines == [box, *(f"{number} {box}" for number in range(3))]


@with_client
def test_the_options_of_a_call_by_tritonclient_are_taken_or_refused_with_the_reason(
    server: BackgroundServer,
) -> None:
    expected = [
        "1 42",
        "1 ",
        "3 ",
        "INVALID_ARGUMENT the parameter min_confidence is no number",
        "INVALID_ARGUMENT the request has the parameter 'minimum'; known: ",
        "INVALID_ARGUMENT output 'boxes' has the parameter 'classification'",
        "NOT_FOUND face-detection-nano has the version ",
        "DEADLINE_EXCEEDED the answer would come ",
        "UNIMPLEMENTED compressed messages are not served",
        "1",
    ]
    lines = [line.removeprefix("StatusCode.") for line in run(TRITON, CALLS, server.target, PHOTO)]
    assert len(lines) == len(expected)
    for line, start in zip(lines, expected, strict=True):
        assert line.startswith(start)


@with_client
def test_tools_for_triton_read_what_they_need_of_a_model(server: BackgroundServer) -> None:
    (line,) = run(TRITON, READS, server.target)
    about, metadata, config, models = json.loads(line)
    assert about["name"] == "facewire"
    assert "model_configuration" in about["extensions"]
    assert "max_batch_size" not in config  # 0: shapes are complete
    assert config["model_transaction_policy"] == {}
    (given,), (described,) = metadata["inputs"], config["input"]
    assert given == {"name": "image", "datatype": "BYTES", "shape": ["-1"]}
    assert described == {"name": "image", "data_type": "TYPE_STRING", "dims": ["-1"]}
    for output, tensor in zip(config["output"], metadata["outputs"], strict=True):
        assert output["name"] == tensor["name"]
        assert output["data_type"] == f"TYPE_{tensor['datatype']}"
        assert output["dims"] == tensor["shape"]
    assert metadata["versions"] == [models[0]["version"]]


@needs("mlserver")
def test_the_client_of_mlserver_sends_raw_data_too(
    server: BackgroundServer, stub: DetectServiceStub, photo: bytes
) -> None:
    code = snippet("mlserver").replace("model_version=None", "use_raw=True")
    assert run(python("mlserver"), code, server.target, PHOTO) == printed(detected(stub, photo))
    assert "use_raw=True" in code


def grpcurl() -> Path:
    """The path of grpcurl; where it is missing the test is left out."""
    tools = ROOT / ".tools"
    found = shutil.which("grpcurl", path=tools) or shutil.which("grpcurl")
    if found is None:
        pytest.skip("grpcurl is not here: scripts/tools builds it where there is Go")
    return Path(found)


def test_grpcurl_finds_faces_by_reflection(
    server: BackgroundServer, stub: DetectServiceStub, photo: bytes
) -> None:
    tensor = {"name": "image", "datatype": "BYTES", "shape": [1]}
    contents = {"bytes_contents": [b64encode(photo).decode()]}
    request = {"inputs": [{**tensor, "contents": contents}], "outputs": [{"name": "boxes"}]}
    method = "inference.GRPCInferenceService/ModelInfer"
    done = subprocess.run(
        [grpcurl(), "-plaintext", "-d", "@", server.target, method],
        input=json.dumps(request),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    (boxes,) = json.loads(done.stdout)["raw_output_contents"]
    found = np.frombuffer(b64decode(boxes), "<f4").reshape(-1, 5)
    assert found.tolist() == detected(stub, photo)


def test_the_shell_program_of_the_page_prints_the_boxes_of_detect(
    server: BackgroundServer, stub: DetectServiceStub, photo: bytes
) -> None:
    code = snippet("ModelInfer", "sh").replace("grpcurl ", f"{grpcurl()} ", 1)
    code = code.replace("photo.jpg", str(PHOTO)).replace("127.0.0.1:50051", server.target)
    for tool in ("jq", "od", "base64"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not here")
    done = subprocess.run(
        ["sh", "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    rows = [[float(value) for value in line.split()] for line in done.stdout.splitlines()]
    assert printed(rows) == printed(detected(stub, photo))
    assert rows
