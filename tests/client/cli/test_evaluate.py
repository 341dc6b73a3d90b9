"""`facewire evaluate`, against a real server with the embedded model and a fake one."""

import json
import re
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from PIL import Image

from facewire_client import FaceClient
from facewire_client.cli.root import root
from facewire_client.evaluation import extra
from facewire_server.lifecycle.background import BackgroundServer
from facewire_server.models.source import DATA
from tests.client.cli.conftest import Run
from tests.client.fake_server import FakeServer, break_after

IMAGE = "<image file='{}'>{}</image>"
BOX = "<box left='{:.0f}' top='{:.0f}' width='{:.0f}' height='{:.0f}'/>"


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder in which answers are kept."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def dataset(tmp_path: Path, real: BackgroundServer) -> str:
    """Three photos: a face that is found, one with a face too many, and words."""
    folder = tmp_path / "faces"
    folder.mkdir()
    for name in ("a.jpg", "b.jpg"):
        shutil.copy(DATA / "astronaut.jpg", folder / name)
    (folder / "words.jpg").write_text("these are words")
    (folder / "alone.jpg").write_text("")
    with FaceClient(real.target) as client:
        left, top, right, bottom = client.detect(folder / "a.jpg").faces[0].box
    face = BOX.format(left, top, right - left, bottom - top)
    missed = BOX.format(2, 300, 90, 90)
    images = [
        IMAGE.format("a.jpg", face),
        IMAGE.format("b.jpg", face + missed),
        IMAGE.format("words.jpg", ""),
    ]
    text = f"<dataset><images>{''.join(images)}</images></dataset>"
    (folder / "list.xml").write_text(text)
    return f"dlib:{folder}"


EVALUATE = ("evaluate", "--min-confidence", "0.5", "--dataset")
"""Without weak detections, so that the numbers are those of two faces found of three."""


def document(result: Result) -> Any:
    return json.loads(result.stdout)


def test_the_numbers_are_printed_as_tables(run: Run, dataset: str) -> None:
    result = run(*EVALUATE, dataset)
    assert result.exit_code == 0, result.output
    assert "dlib: 3 photos, 3 faces, 1 photos without faces" in result.stdout
    assert re.search(r"AP of all faces at an overlap of 0\.5.* 66\.34%", result.stdout)
    assert "alone.jpg: no annotation, left out" in result.stderr
    assert "words.jpg: cannot be read, its faces are missed" in result.stderr


def test_the_numbers_are_printed_as_one_json_document(run: Run, dataset: str) -> None:
    found = document(run(*EVALUATE, dataset, "--json"))
    assert found["dataset"] == {"format": "dlib", "photos": 3, "faces": 3, "without_faces": 1}
    assert found["asked"]["model"] == "face-detection-nano"
    assert (found["metric"], found["missing"], found["baseline"]) == ("ap50", 0, None)
    # Two of three faces are found, and nothing is wrong: 67 of COCO's 101 recalls.
    assert found["ap"] == found["average_precision"]["ap50"] == pytest.approx(67 / 101)
    assert found["threshold"]["recall"] == pytest.approx(2 / 3)
    assert {each["kind"].partition(",")[0] for each in found["problems"]} == {
        "no annotation",
        "cannot be read",
    }


def test_answers_are_kept_and_are_a_baseline(run: Run, dataset: str, tmp_path: Path) -> None:
    run(*EVALUATE, dataset, "--answers", "kept.jsonl")
    lines = Path("kept.jsonl").read_text().splitlines()
    assert len(lines) == 3
    # Kept answers stand for the server: without a face, the baseline is worse.
    entries = [json.loads(line) for line in lines]
    for entry in entries:
        if entry["photo"] == "a.jpg":
            entry["faces"] = []
    Path("old.jsonl").write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    arguments = ("--answers", "kept.jsonl", "--baseline", "old.jsonl", "--json")
    baseline = document(run(*EVALUATE, dataset, *arguments))["baseline"]
    assert Path("kept.jsonl").read_text().splitlines() == lines
    assert baseline["difference"]["value"] == pytest.approx((67 - 34) / 101)
    assert baseline["difference"]["low"] <= baseline["difference"]["value"]
    (change,) = baseline["changes"]
    assert (change["photo"], change["missed_before"], change["missed"]) == ("a.jpg", 1, 0)


@pytest.mark.parametrize("baseline", ["model=face-detection-nano", "{}"], ids=["model", "server"])
def test_a_model_or_a_server_is_a_baseline(
    run: Run, dataset: str, real: BackgroundServer, baseline: str
) -> None:
    other = baseline.format(real.target)
    result = run(*EVALUATE, dataset, "--baseline", other, "--metric", "large")
    assert result.exit_code == 0, result.output
    assert re.search(r"95 % interval of large, 1000 draws.* \+0\.00 to \+0\.00", result.stdout)
    assert re.search(r"photos that changed at 0\.\d+\n.*\nnone", result.stdout)


def test_an_ap_under_the_demanded_one_is_a_failure(run: Run, dataset: str) -> None:
    result = run(*EVALUATE, dataset, "--fail-under", "70")
    assert result.exit_code == 1
    assert "66.34% is under 70 %: AP of all faces" in result.stderr
    assert run(*EVALUATE, dataset, "--fail-under", "60").exit_code == 0


def test_a_part_of_one_is_no_percentage(run: Run, dataset: str) -> None:
    result = run(*EVALUATE, dataset, "--fail-under", "0.94")
    assert result.exit_code == 2
    assert "in percent: 94, not 0.94" in result.stderr


def test_the_report_is_one_file_with_the_worst_photos(run: Run, dataset: str) -> None:
    Path("out").mkdir()
    arguments = ("--report", "out/report.html", "--baseline", "model=face-detection-nano")
    result = run(*EVALUATE, dataset, *arguments)
    assert result.exit_code == 0, result.output
    text = Path("out/report.html").read_text()
    assert Path("out/facewire-answers.jsonl").exists()
    assert "b.jpg: 1 missed, 0 wrong" in text
    assert "a.jpg: " not in text  # nothing is wrong in it
    assert text.count("data:image/jpeg;base64,") == 1
    assert "<svg" in text
    # Nothing is loaded from elsewhere; names of SVG's own languages are no addresses.
    assert not re.search(r'(src|href)="(?!data:|#)', text)
    assert not re.search(r"<(script|link|iframe)\b", text)


def test_names_of_photos_are_no_html(run: Run, dataset: str, tmp_path: Path) -> None:
    listed = tmp_path / "faces" / "list.xml"
    listed.write_text(listed.read_text().replace("b.jpg", "&lt;img src=x&gt;.jpg"))
    (tmp_path / "faces" / "b.jpg").rename(tmp_path / "faces" / "<img src=x>.jpg")
    assert run(*EVALUATE, dataset, "--report", "r.html").exit_code == 0
    text = Path("r.html").read_text()
    assert "&lt;img src=x&gt;.jpg: 1 missed" in text
    assert "<img src=x>" not in text


def test_a_stream_that_breaks_is_one_line_and_goes_on(fake: FakeServer, dataset: str) -> None:
    command = ("evaluate", "--server", fake.target, "--dataset", dataset)
    answer, fake.answer = fake.answer, partial(break_after, 2, fake)
    result = CliRunner().invoke(root, command)
    assert result.exit_code == 1
    assert "2 of 3 photos are answered, and kept in facewire-answers.jsonl" in result.stderr
    fake.answer = answer
    assert CliRunner().invoke(root, command).exit_code == 0
    assert len(fake.requests) == 4  # one was sent twice


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["--dataset", "dlib:absent"], 1, "there is no absent"),
        (["--dataset", "absent"], 1, "a data set is one of"),
        (["--dataset", "{}", "--baseline", "what=x=y z"], 2, "no file and no server"),
        (["--dataset", "{}", "--baseline", "model=absent"], 1, "UNKNOWN_MODEL"),
        (["--dataset", "{}", "--answers", "absent/a.jsonl"], 1, "cannot write absent/a.jsonl"),
        (["--dataset", "{}", "--report", "absent/r.html"], 1, "absent"),
        ([], 2, "Missing option '--dataset'"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    dataset: str, real: BackgroundServer, arguments: list[str], status: int, message: str
) -> None:
    given = [each.format(dataset) for each in arguments]
    command = [sys.executable, "-m", "facewire_client", "evaluate", "--server", real.target]
    done = subprocess.run([*command, *given], capture_output=True, text=True, check=False)
    assert done.returncode == status
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_without_the_extra_one_line_says_what_to_install(
    run: Run, dataset: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extra, "PACKAGES", ("numpy", "absent_package"))
    result = run(*EVALUATE, dataset)
    assert result.exit_code == 1
    assert result.stderr == (
        "facewire: evaluating needs more packages (absent_package): "
        "pip install 'facewire[evaluate]'\n"
    )


def test_yolo_takes_the_size_from_the_answer(run: Run, tmp_path: Path, dataset: str) -> None:
    folder = tmp_path / "yolo"
    folder.mkdir()
    Image.open(DATA / "astronaut.jpg").save(folder / "a.jpg", quality=95)
    (entry,) = document_of_one(run, tmp_path / "faces" / "a.jpg")["faces"]
    x_min, y_min, x_max, y_max = (value / 512 for value in entry["box"])
    middle = (x_min + x_max) / 2, (y_min + y_max) / 2, x_max - x_min, y_max - y_min
    (folder / "a.txt").write_text("0 " + " ".join(map(str, middle)))
    assert document(run("evaluate", "--dataset", f"yolo:{folder}", "--json"))["ap"] == 1.0


def document_of_one(run: Run, image: Path) -> Any:
    (found,) = document(run("detect", "--json", str(image)))["images"]
    return found


def test_a_name_that_is_no_text_is_told_and_written(run: Run, dataset: str, tmp_path: Path) -> None:
    (tmp_path / "faces" / "\udcff.jpg").write_text("")
    result = run(*EVALUATE, dataset, "--report", "r.html")
    assert result.exit_code == 0, result.output
    assert "\\xff.jpg: no annotation" in result.stderr
    assert "no annotation, left out</td><td>&#56575;.jpg" in Path("r.html").read_text()
