"""`facewire evaluate` with the published face-detection-0205 on dlib's photos."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from facewire_client.cli.root import root
from facewire_client.evaluation.answers import kept_alone
from facewire_client.evaluation.evaluation import truth_of
from facewire_client.evaluation.reading import read
from facewire_server.config import Config
from facewire_server.lifecycle.background import BackgroundServer
from facewire_server.models.source import EMBEDDED
from tests.client.evaluation import checker_script, pycoco
from tests.client.evaluation.scenes import Scene

SHARED = Path(__file__).parents[4] / "shared"
DLIB = SHARED / "faces" / "dlib"
PUBLISHED = SHARED / "models" / "face-detection-0205" / "FP16" / "face-detection-0205.xml"


@pytest.mark.skipif(not PUBLISHED.exists(), reason="face-detection-0205 is absent")
def test_the_published_model_finds_the_faces_in_the_photos_of_dlib(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with BackgroundServer(
        Config(port=0, metrics_port=None, models=(str(PUBLISHED), EMBEDDED))
    ) as server:
        command = ["evaluate", "--server", server.target, "--dataset", f"dlib:{DLIB}", "--json"]
        baseline = ["--baseline", "model=face-detection-nano"]
        result = CliRunner().invoke(root, [*command, *baseline])
    found = json.loads(result.stdout)
    assert found["dataset"]["faces"] == 43
    assert found["ap"] > 0.99
    assert found["baseline"]["ap"] > 0.9
    assert found["baseline"]["difference"]["value"] == found["ap"] - found["baseline"]["ap"]
    for numbers in (found, found["baseline"]):
        truths, detections = kept_photos(numbers["asked"]["model"])
        ap, ap50 = pycoco.numbers((truths, detections))[:2]
        large = checker_script.average_precision(truths, detections)
        expected = {"coco": ap, "ap50": ap50, "large": large}
        measured = {name: numbers["average_precision"][name] for name in expected}
        assert measured == pytest.approx(expected, abs=1e-6)


def kept_photos(model: str) -> Scene:
    """The faces in dlib's photos, and what a model found, as the command kept it."""
    dataset = read(f"dlib:{DLIB}")
    _, answers = kept_alone(Path("facewire-answers.jsonl"), dataset.photos, model)
    kept = [answers[photo.name] for photo in dataset.photos]
    truths = [truth_of(*each) for each in zip(dataset.photos, kept, strict=True)]
    return truths, [answer.found.astype(np.float64) for answer in kept]
