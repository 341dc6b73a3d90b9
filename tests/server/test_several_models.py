"""Several models in one server, each called by its name."""

import shutil
from pathlib import Path

import grpc
import pytest

from facewire.v1 import detect_pb2 as pb
from facewire.v1.detect_pb2_grpc import DetectServiceStub
from facewire_server.config import Config
from facewire_server.errors import ModelError
from facewire_server.lifecycle.background import BackgroundServer
from facewire_server.lifecycle.loading import Backend
from facewire_server.models.source import DATA, EMBEDDED
from facewire_server.system.cpu_quota import available_cores


@pytest.fixture
def second(tmp_path: Path) -> str:
    """Another model: the embedded one under another name."""
    for suffix in (".xml", ".bin"):
        shutil.copy(DATA / EMBEDDED / f"{EMBEDDED}{suffix}", tmp_path / f"own{suffix}")
    return str(tmp_path / "own.xml")


def test_a_request_names_its_model_and_the_first_is_the_default(second: str, photo: bytes) -> None:
    config = Config(models=(second, EMBEDDED), port=0, metrics_port=None)
    with (
        BackgroundServer(config) as server,
        grpc.insecure_channel(server.target) as channel,
    ):
        stub = DetectServiceStub(channel)
        models = stub.ListModels(pb.ListModelsRequest()).models
        listed = [(model.name, model.is_default) for model in models]
        assert listed == [("own", True), (EMBEDDED, False)]
        for asked, answers in {"": "own", "own": "own", EMBEDDED: EMBEDDED}.items():
            request = pb.DetectRequest(encoded_image=photo, model=asked)
            assert stub.Detect(request, timeout=30).model_name == answers


def test_several_models_share_the_workers_of_one(second: str) -> None:
    one = Backend.load(Config(models=(EMBEDDED,)))
    two = Backend.load(Config(models=(EMBEDDED, second)))
    try:
        assert two.scheduler.workers <= max(one.scheduler.workers, available_cores())
    finally:
        one.scheduler.close()
        two.scheduler.close()


def test_a_server_with_two_models_of_one_name_does_not_start(second: str) -> None:
    config = Config(models=(second, second), port=0, metrics_port=None)
    with (
        pytest.raises(ModelError, match="same name"),
        BackgroundServer(config),
    ):
        pass
