"""Data sets that are broken, hostile or odd: told in words, never a crash."""

import contextlib
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from facewire_client.evaluation.dataset import DatasetError
from facewire_client.evaluation.files import inner
from facewire_client.evaluation.reading import read
from tests.client.evaluation.folders import told, write
from tests.client.evaluation.test_formats import COCO, DLIB, VOC, WIDER

BOMB = """<?xml version="1.0"?><!DOCTYPE d [<!ENTITY a "aaaaaaaaaa">
<!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]><dataset><images>
<image file='a.jpg'><label>&b;</label></image></images></dataset>"""
OUTSIDE = BOMB.replace('"aaaaaaaaaa"', 'SYSTEM "file:///etc/passwd"')

PHOTOS = {"a.jpg": "", "sub/b.jpg": "", "b.jpg": ""}
SOURCES = {
    "dlib": ("list.xml", DLIB),
    "voc": ("a.xml", VOC),
    "coco": ("faces.json", json.dumps(COCO)),
    "yolo": ("a.txt", "0 0.5 0.5 0.2 0.2\n0 0.1 0.1 0.1 0.1\n"),
    "wider": ("wider_face_val_bbx_gt.txt", WIDER),
}
WIDER_PHOTOS = {"images/0--Parade/a.jpg": "", "images/0--Parade/b.jpg": ""}


@pytest.mark.parametrize("text", [BOMB, OUTSIDE], ids=["bomb", "outside"])
def test_entities_are_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(DatasetError, match="declares entities"):
        read(f"dlib:{write(tmp_path, {'a.xml': text, 'a.jpg': ''})}")


def test_an_annotation_with_entities_is_told_and_the_others_are_read(tmp_path: Path) -> None:
    write(tmp_path, {"a.xml": VOC, "b.xml": BOMB, "a.jpg": "", "b.jpg": ""})
    assert told(read(f"voc:{tmp_path}"), "annotation cannot be read") == ["b"]


@pytest.mark.parametrize("name", ["../x.jpg", "/etc/x.jpg", "a/../../x", "C:\\x.jpg", "a\0", ""])
def test_a_path_that_leaves_the_folder_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="leads out"):
        inner(name)


def test_separators_of_windows_are_understood() -> None:
    assert inner("a\\b/c.jpg") == "a/b/c.jpg"


def test_a_photo_outside_of_the_folder_is_told_and_not_read(tmp_path: Path) -> None:
    write(tmp_path, {"secret.jpg": "", "in/a.jpg": "", "in/sub/b.jpg": ""})
    write(tmp_path, {"in/a.xml": DLIB, "in/b.xml": DLIB.replace("a.jpg", "../secret.jpg")})
    dataset = read(f"dlib:{tmp_path / 'in'}")
    assert told(dataset, "annotation cannot be read") == ["../secret.jpg"]
    assert [photo.name for photo in dataset.photos] == ["a.jpg", "sub/b.jpg"]


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "1e300", "-30", "0"])
@pytest.mark.parametrize("side", ["width='30'", "left='2'"])
def test_a_box_that_is_none_is_told(tmp_path: Path, side: str, value: str) -> None:
    key = side.partition("=")[0]
    text = DLIB.replace(side, f"{key}='{value}'")
    dataset = read(f"dlib:{write(tmp_path, {'a.xml': text, **PHOTOS})}")
    is_box = key == "left" and value in ("-30", "0")
    assert told(dataset, "no box") == [] if is_box else ["a.jpg"]
    assert len(dataset.photos[0].boxes) == 1 + is_box


def test_a_byte_order_mark_is_no_part_of_json(tmp_path: Path) -> None:
    write(tmp_path, {"f.json": "\ufeff" + json.dumps(COCO), **PHOTOS})
    assert len(read(f"coco:{tmp_path}").photos) == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[" * 200_000, "nested too deeply|no JSON"),
        ("{", "is no JSON"),
        ("[]", "not in COCO's form"),
        ("{}", "not in COCO's form"),
        ('{"images": 5, "categories": [], "annotations": []}', "not in COCO's form"),
        ('{"images": [], "categories": [], "annotations": [{}]}', "not in COCO's form"),
        (b"\xff\xfe", "not UTF-8"),
    ],
)
def test_json_of_another_form_is_told(tmp_path: Path, text: str | bytes, message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        read(f"coco:{write(tmp_path, {'f.json': text})}")


def test_boxes_of_an_image_that_is_not_listed_are_told(tmp_path: Path) -> None:
    document = {**COCO, "images": [{"id": 1, "file_name": "b.jpg"}]}
    dataset = read(f"coco:{write(tmp_path, {'f.json': json.dumps(document), **PHOTOS})}")
    assert told(dataset, "annotation without an image") == ["id 2"]


def test_an_image_without_a_usable_box_is_told(tmp_path: Path) -> None:
    for box in ([1, 2, 3], "abcd", None, [1, 2, 3, "x"], [1, 2, 3, 10**400]):
        annotation = {"image_id": 1, "category_id": 7, "bbox": box}
        document = {**COCO, "annotations": [annotation]}
        dataset = read(f"coco:{write(tmp_path, {'f.json': json.dumps(document), **PHOTOS})}")
        assert told(dataset, "annotation cannot be read") == ["b.jpg"]


def test_a_file_over_the_limit_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("facewire_client.evaluation.files._MOST_BYTES", 10)
    with pytest.raises(DatasetError, match="at most 10 are read"):
        read(f"dlib:{write(tmp_path, {'a.xml': DLIB})}")


@pytest.mark.parametrize(
    "text", ["a.jpg\n", "a.jpg\nx\n", "a.jpg\n2\n1 2 3 4\n", "a.jpg\n1\n1 2\n"]
)
def test_a_list_of_wider_that_ends_early_is_told(tmp_path: Path, text: str) -> None:
    write(tmp_path, {"wider_face_val_bbx_gt.txt": text, "images/a.jpg": ""})
    with pytest.raises(DatasetError, match="line 1"):
        read(f"wider:{tmp_path}")


@pytest.mark.parametrize("value", ["nan", "inf", "1e308", "-5"])
def test_a_box_of_wider_that_is_none_is_told_and_keeps_its_place(
    tmp_path: Path, value: str
) -> None:
    text = f"a.jpg\n2\n1e308 1 {value} 9\n1 1 9 9\n"
    write(tmp_path, {"wider_face_val_bbx_gt.txt": text, "images/a.jpg": ""})
    dataset = read(f"wider:{tmp_path}")
    assert told(dataset, "no box") == ["a.jpg"]
    assert dataset.photos[0].ignored.tolist() == [True, False]


def test_matlab_files_that_are_none_are_told(tmp_path: Path) -> None:
    write(tmp_path, {"wider_face_val.mat": "no", "images/a.jpg": ""})
    with pytest.raises(DatasetError, match="cannot read"):
        read(f"wider:{tmp_path}")


def flip(text: bytes, places: list[tuple[int, int]]) -> bytes:
    """Replace bytes, and cut at the first place whose new byte is 0."""
    changed = bytearray(text)
    for place, value in places:
        changed[place % len(changed)] = value
    return bytes(changed)


@pytest.mark.parametrize("format", SOURCES)
@settings(
    deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_a_damaged_file_is_read_or_told(tmp_path: Path, format: str, data: st.DataObject) -> None:
    name, text = SOURCES[format]
    damage = st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), max_size=6)
    broken = flip(text.encode(), data.draw(damage))
    broken = broken[: data.draw(st.integers(0, len(broken)))]
    photos = WIDER_PHOTOS if format == "wider" else PHOTOS
    write(tmp_path, {name: broken, **photos})
    with contextlib.suppress(DatasetError):
        dataset = read(f"{format}:{tmp_path}")
        assert all(len(photo.boxes) == len(photo.ignored) for photo in dataset.photos)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)


@settings(
    deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(value=JSON, place=st.sampled_from(["images", "annotations", "categories"]), key=st.data())
def test_json_with_any_value_anywhere_is_read_or_told(
    tmp_path: Path, value: object, place: str, key: st.DataObject
) -> None:
    document = json.loads(json.dumps(COCO))
    entry = document[place][0]
    entry[key.draw(st.sampled_from(sorted(entry)))] = value
    write(tmp_path, {"f.json": json.dumps(document), **PHOTOS})
    with contextlib.suppress(DatasetError):
        read(f"coco:{tmp_path}")
