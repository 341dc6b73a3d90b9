"""Signatures of networks: how they are written, kept and compared."""

import dataclasses
import json
from pathlib import Path

import pytest

from facewire_server.inference.network import Network
from facewire_server.models.signature import Signature, Tensor
from facewire_server.models.source import EMBEDDED, Source


def test_a_signature_is_what_the_file_says() -> None:
    signature = Network(Source.find(EMBEDDED).read()).signature
    assert signature is not None
    assert str(signature.input) == "input FP32 [1,3,416,416]"
    assert str(signature.outputs[1]) == "bbox_8 FP32 [1,4,52,52]"
    assert len(signature.outputs) == 9


def test_a_signature_is_the_same_after_json() -> None:
    one = Signature(Tensor("image", "FP32", (1, 3, 4, 4)), (Tensor("labels", "INT64", (-1,)),))
    assert Signature.restore(json.loads(json.dumps(dataclasses.astuple(one)))) == one
    for damaged in ([], [["image", "TEXT", [1]], []], [["image"], []]):
        with pytest.raises((TypeError, ValueError)):
            Signature.restore(damaged)


@pytest.mark.parametrize(
    ("own", "accepted"),
    [
        ("FP32", ["FP32", "FP16", "UINT8"]),
        ("FP16", ["FP16", "UINT8"]),
        ("UINT8", ["UINT8"]),
        ("INT64", ["UINT8"]),
    ],
)
def test_numbers_that_would_change_are_not_accepted(own: str, accepted: list[str]) -> None:
    assert Tensor("image", own, (1,)).accepted == accepted


def test_pixels_are_no_tensor_of_a_network() -> None:
    path = Path(__file__).parents[4] / "shared/models/otx/modelapi047-saved-yolox-tiny-narrow"
    if not path.exists():
        pytest.skip("../shared/models is not here")
    assert Network(Source.find(str(path / "model.xml")).read()).signature is None
