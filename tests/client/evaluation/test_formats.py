"""Each format of data sets: its boxes, what it ignores, and what is told."""

import json
import shutil
from pathlib import Path

import pytest

from facewire_client.evaluation.dataset import DatasetError
from facewire_client.evaluation.reading import read
from tests.client.evaluation.folders import boxes, ignored, problems, write

SHARED = Path(__file__).parents[4] / "shared"

DLIB = """<?xml version='1.0'?><dataset><images>
<image file='a.jpg' width='50' height='40'>
  <box top='1' left='2' width='30' height='20'/>
  <box top='3' left='4' width='5' height='6' ignore='1'/>
</image>
<image file='sub\\b.jpg'/>
</images></dataset>"""

VOC = """<annotation><filename>a.jpg</filename><size><width>50</width><height>40</height></size>
<object><name>face</name><difficult>0</difficult><bndbox>
<xmin>3</xmin><ymin>2</ymin><xmax>32</xmax><ymax>21</ymax></bndbox></object>
<object><name>face</name><difficult>1</difficult><bndbox>
<xmin>5</xmin><ymin>4</ymin><xmax>9</xmax><ymax>9</ymax></bndbox></object>
<object><name>dog</name><bndbox>
<xmin>5</xmin><ymin>4</ymin><xmax>9</xmax><ymax>9</ymax></bndbox></object></annotation>"""

COCO = {
    "images": [
        {"id": 2, "file_name": "a.jpg", "width": 50, "height": 40},
        {"id": 1, "file_name": "b.jpg"},
    ],
    "categories": [{"id": 7, "name": "face"}],
    "annotations": [
        {"image_id": 2, "category_id": 7, "bbox": [2, 1, 30, 20], "area": 500},
        {"image_id": 2, "category_id": 7, "bbox": [4, 3, 5, 6], "iscrowd": 1},
    ],
}

WIDER = """0--Parade/a.jpg
2
2 1 30 20 0 0 0 0 0 0
4 3 0 6 0 0 0 1 0 0
0--Parade/b.jpg
0
0 0 0 0 0 0 0 0 0 0
"""

FACES = [[2.0, 1.0, 32.0, 21.0], [4.0, 3.0, 9.0, 9.0]]


def test_dlib(tmp_path: Path) -> None:
    write(tmp_path, {"list.xml": DLIB, "a.jpg": "", "sub/b.jpg": "", "c.jpg": ""})
    dataset = read(f"dlib:{tmp_path}")
    assert boxes(dataset) == {"a.jpg": FACES, "sub/b.jpg": []}
    assert ignored(dataset)["a.jpg"] == [False, True]
    assert dataset.photos[0].size == (50, 40)
    assert (dataset.faces, dataset.without_faces) == (1, 1)
    assert problems(dataset) == [("no annotation", "c.jpg")]


def test_voc_counts_pixels_from_one_and_includes_the_last(tmp_path: Path) -> None:
    files = {"Annotations/a.xml": VOC, "JPEGImages/a.jpg": "", "JPEGImages/c.jpg": ""}
    dataset = read(f"voc:{write(tmp_path, files)}")
    assert boxes(dataset) == {"a.jpg": FACES}
    assert ignored(dataset) == {"a.jpg": [False, True]}
    assert problems(dataset) == [("no annotation", "c.jpg")]


def test_voc_takes_the_photo_of_the_annotations_name_if_the_stated_one_is_elsewhere(
    tmp_path: Path,
) -> None:
    text = VOC.replace("a.jpg", "there\\x.jpg")
    dataset = read(f"voc:{write(tmp_path, {'a.xml': text, 'a.PNG': '', 'a.png': ''})}")
    assert list(boxes(dataset)) == ["a.png"]


@pytest.mark.parametrize("place", ["images/a.jpg", "a.jpg"])
def test_yolo(tmp_path: Path, place: str) -> None:
    text = place.replace("images", "labels").replace("jpg", "txt")
    files = {place: "", text: "\ufeff0 0.34 0.275 0.6 0.5\r\n", "b.jpg": "", "labels/x.txt": ""}
    dataset = read(f"yolo:{write(tmp_path, files)}")
    (photo,) = dataset.photos
    assert photo.relative
    assert photo.boxes[0].tolist() == pytest.approx([0.04, 0.025, 0.64, 0.525])
    assert problems(dataset) == [("no annotation", "b.jpg"), ("no such photo", "labels/x.txt")]


def test_yolo_takes_an_empty_text_for_a_photo_without_faces(tmp_path: Path) -> None:
    dataset = read(f"yolo:{write(tmp_path, {'a.jpg': '', 'a.txt': ''})}")
    assert (dataset.without_faces, dataset.problems) == (1, [])


def test_coco_is_in_the_order_of_ids(tmp_path: Path) -> None:
    files = {"annotations/faces.json": json.dumps(COCO), "images/a.jpg": "", "images/b.jpg": ""}
    dataset = read(f"coco:{write(tmp_path, files)}")
    assert list(boxes(dataset).items()) == [("b.jpg", []), ("a.jpg", FACES)]
    assert ignored(dataset)["a.jpg"] == [False, True]
    areas = dataset.photos[1].areas
    assert areas is not None
    assert areas.tolist() == [500, 30]
    assert not dataset.problems


def test_wider_as_text(tmp_path: Path) -> None:
    files = {
        "wider_face_split/wider_face_val_bbx_gt.txt": WIDER,
        "WIDER_val/images/0--Parade/a.jpg": "",
        "WIDER_val/images/0--Parade/b.jpg": "",
        "WIDER_val/images/0--Parade/c.jpg": "",
    }
    dataset = read(f"wider:{write(tmp_path, files)}")
    assert boxes(dataset)["0--Parade/a.jpg"] == [[2, 1, 32, 21], [4, 3, 4, 9]]
    assert ignored(dataset)["0--Parade/a.jpg"] == [False, True]
    assert (dataset.faces, dataset.without_faces) == (1, 1)
    assert problems(dataset) == [
        ("no annotation", "0--Parade/c.jpg"),
        ("no box", "0--Parade/a.jpg"),
    ]


@pytest.mark.skipif(not SHARED.exists(), reason="the ground truth of WIDER FACE is absent")
def test_wider_as_matlab_files_with_the_levels(tmp_path: Path) -> None:
    names = ["0--Parade/0_Parade_marchingband_1_465.jpg", "9--Press_Conference/x.jpg"]
    write(tmp_path, {f"WIDER_val/images/{name}": "" for name in names})
    shutil.copytree(SHARED / "wider", tmp_path / "eval_tools" / "ground_truth")
    dataset = read(f"wider:{tmp_path}")
    (photo,) = dataset.photos
    assert photo.name == names[0]
    assert photo.boxes[:2].tolist() == [[345, 211, 349, 215], [331, 126, 334, 129]]
    counting = {level: int(flags.sum()) for level, flags in photo.levels.items()}
    assert counting["easy"] <= counting["medium"] <= counting["hard"] <= len(photo.boxes)
    assert ("no annotation", names[1]) in problems(dataset)
    assert len([each for each in dataset.problems if each.kind.startswith("no such")]) == 3225


def test_a_photo_that_is_annotated_twice_counts_once(tmp_path: Path) -> None:
    write(tmp_path, {"a.xml": DLIB, "b.xml": DLIB, "a.jpg": "", "sub/b.jpg": ""})
    dataset = read(f"dlib:{tmp_path}")
    assert len(dataset.photos) == 2
    assert {name for _, name in problems(dataset)} == {"a.jpg", "sub/b.jpg"}
    assert {kind for kind, _ in problems(dataset)} == {"annotated twice"}


def test_a_photo_that_is_not_there_is_told(tmp_path: Path) -> None:
    dataset = read(f"dlib:{write(tmp_path, {'a.xml': DLIB, 'a.jpg': ''})}")
    assert problems(dataset) == [("no such photo", "sub/b.jpg")]


def test_of_several_labels_one_is_chosen(tmp_path: Path) -> None:
    voc = VOC.replace(">face<", ">head<")
    write(tmp_path, {"a.xml": voc, "a.jpg": ""})
    with pytest.raises(DatasetError, match="--label: there are 'dog', 'head'"):
        read(f"voc:{tmp_path}")
    assert len(read(f"voc:{tmp_path}", "dog").photos[0].boxes) == 1
    with pytest.raises(DatasetError, match="no box is labelled 'cat'"):
        read(f"voc:{tmp_path}", "cat")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("dlib", "a colon and a path"),
        ("other:/", "one of wider, coco, voc, yolo, dlib"),
        ("dlib:/absent", "there is no /absent"),
        ("wider:{}", "no folder WIDER_val/images"),
        ("coco:{}", "has 0 JSON files"),
        ("dlib:{}", "no list of images"),
        ("voc:{}", "no annotations"),
        ("yolo:{}", "no photos"),
    ],
)
def test_what_cannot_be_read_is_one_line(tmp_path: Path, name: str, message: str) -> None:
    with pytest.raises(DatasetError, match=message) as caught:
        read(name.format(tmp_path))
    assert "\n" not in str(caught.value)
