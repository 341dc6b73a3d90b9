"""Calls go to the replicas that have their model, then to those with the fewest models."""

import asyncio
import pickle
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from google.protobuf.message import Message

from facewire.inference.v2 import open_inference_pb2 as v2
from facewire.v1 import detect_pb2 as pb
from facewire_server.ray.model_router import ModelRouter, requested_model


@dataclass
class Replica:
    """What the router looks at in a replica of Serve's."""

    replica_id: str
    multiplexed_model_ids: set[str] = field(default_factory=set)


@dataclass
class Passed:
    """As Serve passes a message to a replica."""

    user_request_proto: Message


def pending(message: Message, model_id: str = "") -> Any:
    """A call with this message; `model_id` is from its metadata."""
    metadata = SimpleNamespace(multiplexed_model_id=model_id)
    return SimpleNamespace(args=[pickle.dumps(Passed(message))], metadata=metadata)


@pytest.mark.parametrize(
    ("message", "model"),
    [
        (pb.DetectRequest(model="a", encoded_image=b"b"), "a"),
        (pb.DetectRequest(encoded_image=b"b"), ""),
        (pb.DetectImageRequest(model="a"), "a"),
        (v2.ModelInferRequest(model_name="a"), "a"),
        (pb.ListModelsRequest(), None),
    ],
)
def test_the_model_of_a_call_is_in_its_message(message: Message, model: str | None) -> None:
    assert requested_model(pending(message)) == model


def test_the_model_in_the_metadata_goes_first() -> None:
    assert requested_model(pending(pb.DetectRequest(model="a"), "b")) == "b"


def test_the_model_of_a_stream_is_not_known() -> None:
    stream = SimpleNamespace(
        args=[pickle.dumps("a session")], metadata=SimpleNamespace(multiplexed_model_id="")
    )
    assert requested_model(stream) is None  # type: ignore[arg-type]


def choices(message: Message) -> list[set[str]]:
    """The replicas for a call, in the order of preference."""
    replicas: list[Any] = [Replica("1", {"a", "c"}), Replica("2", {"b"}), Replica("3", {"b", "c"})]
    router = object.__new__(ModelRouter)  # Serve makes it in a proxy
    router.initialize_state(default_model="b")
    router._replicas = {each.replica_id: each for each in replicas}
    router._update_multiplexed_model_ids_with_replicas(replicas)
    ranks = asyncio.run(router.choose_replicas(replicas, pending(message)))
    return [{str(each.replica_id) for each in rank} for rank in ranks]


def test_replicas_with_the_model_go_first() -> None:
    assert choices(pb.DetectRequest(model="a")) == [{"1"}, {"2"}, {"3"}]


def test_calls_without_a_model_go_where_the_default_is() -> None:
    assert choices(pb.DetectRequest())[0] == {"2", "3"}


def test_calls_that_need_no_model_go_to_any_two() -> None:
    (some,) = choices(pb.ListModelsRequest())
    assert len(some) == 2
