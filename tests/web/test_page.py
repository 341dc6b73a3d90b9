"""The page in a browser: what is seen is what the Python client is told."""

from pathlib import Path

import pytest
from PIL import Image

from facewire_client import DetectResult, FaceClient
from tests.web.browser import Browser

LANDMARKS = "landmarks"
ORIENTATION = 0x0112
"""The EXIF tag."""


def relative_boxes(result: DetectResult) -> list[list[float]]:
    """The boxes as parts of the picture's size."""
    width, height = result.image_size
    return [
        [left / width, top / height, right / width, bottom / height]
        for left, top, right, bottom in (face.box for face in result.faces)
    ]


def assert_same(places: list[list[float]], expected: list[list[float]]) -> None:
    assert len(places) == len(expected) > 0
    for place, box in zip(places, expected, strict=True):
        assert place == pytest.approx(box, abs=1e-3)


def test_a_dropped_photo_gets_a_box_where_its_face_is(
    page: Browser, client: FaceClient, photo: Path
) -> None:
    page.do("drop", photo)
    page.do("wait", "#photos .box")
    expected = client.detect(photo)
    assert_same(page.do("places", "#photos img", ".box"), relative_boxes(expected))
    assert page.do("texts", ".overlay text") == [f"face {expected.faces[0].confidence:.2f}"]
    assert "1 face · 512 × 512 pixels" in page.do("texts", "#photos figcaption p")
    assert page.do("texts", "#status") == ["astronaut.jpg: 1 face"]
    assert page.do("complaints") == []


def test_the_box_of_a_photo_turned_by_exif_is_where_its_face_is_seen(
    page: Browser, client: FaceClient, photo: Path, tmp_path: Path
) -> None:
    turned = tmp_path / "turned.jpg"
    with Image.open(photo) as image:
        # Higher than wide, so that a box in the wrong frame of reference is elsewhere.
        upright = image.crop((0, 0, 384, 512))
        exif = Image.Exif()
        exif[ORIENTATION] = 6
        upright.transpose(Image.Transpose.ROTATE_90).save(turned, exif=exif)
    page.do("choose", turned)
    page.do("wait", "#photos .box")
    expected = client.detect(turned)
    assert expected.image_size == (384, 512)
    assert_same(page.do("places", "#photos img", ".box"), relative_boxes(expected))
    # The browser shows it upright: it fills the drawing, which is as high as the answer says.
    assert_same(page.do("places", "#photos .overlay", "#photos img"), [[0, 0, 1, 1]])


def test_a_file_that_is_no_image_gives_the_reason(page: Browser, tmp_path: Path) -> None:
    notes = tmp_path / "notes.txt"
    notes.write_text("these are notes\n")
    page.do("choose", notes)
    page.do("wait", ".failure")
    [sentence] = page.do("texts", ".failure")
    assert sentence.endswith("it seems to be text.")
    assert page.do("texts", "figcaption code") == ["INVALID_ARGUMENT: UNSUPPORTED_FORMAT"]
    assert page.do("count", "figcaption button") == 0


def test_a_picture_that_the_browser_cannot_show_has_its_boxes(
    page: Browser, client: FaceClient, photo: Path, tmp_path: Path
) -> None:
    tiff = tmp_path / "photo.tiff"
    with Image.open(photo) as image:
        image.save(tiff)
    page.do("choose", tiff)
    page.do("wait", "#photos .box")
    page.do("wait", ".frame.missing")
    [found] = page.do("texts", "#photos figcaption p:has-text('pixels')")
    assert "this browser cannot show the picture" in found
    assert_same(page.do("places", "#photos .overlay", ".box"), relative_boxes(client.detect(tiff)))


def test_the_chosen_model_draws_its_landmarks(
    page: Browser, client: FaceClient, photo: Path
) -> None:
    page.do("choose", photo)
    page.do("wait", "#photos .box")
    page.do("select", "#model", LANDMARKS)
    page.do("wait", "#photos .landmark")
    expected = client.detect(photo, model=LANDMARKS)
    assert_same(page.do("places", "#photos img", ".box"), relative_boxes(expected))
    points = [(x / 512, y / 512) for face in expected.faces for x, y in face.landmarks]
    circles = page.do("places", "#photos img", ".landmark")
    for (left, top, right, bottom), point in zip(circles, points, strict=True):
        assert ((left + right) / 2, (top + bottom) / 2) == pytest.approx(point, abs=1e-3)


def test_the_slider_leaves_the_boxes_of_enough_confidence(
    page: Browser, client: FaceClient, photo: Path
) -> None:
    everything = client.detect(photo, model=LANDMARKS)
    middle = round(everything.faces[len(everything.faces) // 2].confidence, 2)
    expected = client.detect(photo, model=LANDMARKS, min_confidence=middle)
    assert 0 < len(expected.faces) < len(everything.faces)
    page.do("select", "#model", LANDMARKS)
    page.do("choose", photo)
    page.do("wait", f".frame:has(.box:nth-of-type({2 * len(everything.faces)}))")
    page.do("fill", "#confidence", str(middle))
    page.do("wait", f"figcaption:has-text('{len(expected.faces)} faces')")
    assert_same(page.do("places", "#photos img", ".box"), relative_boxes(expected))


def test_the_times_of_the_stages_are_shown(page: Browser, photo: Path) -> None:
    page.do("choose", photo)
    page.do("wait", ".times dl")
    stages = page.do("texts", "#photos .times dt")
    assert stages == ["queue", "decode", "inference", "postprocess", "network"]
    times = [float(text.removesuffix(" ms")) for text in page.do("texts", "#photos .times dd")]
    assert len(times) == len(stages)
    assert times[stages.index("inference")] > 0


def test_the_controls_are_reached_and_moved_by_keys(page: Browser, photo: Path) -> None:
    page.do("choose", photo)
    page.do("wait", "#photos .box")
    reached = []
    for _ in range(5):
        page.do("press", "Tab")
        reached.append(page.do("focused"))
        if reached[-1] == "confidence":
            page.do("press", "End")
    assert reached == ["model", "confidence", "choose", "live", "clear"]
    page.do("wait", "figcaption:has-text('Nothing found')")
    page.do("press", "Enter")
    page.do("wait", "#empty")
    assert page.do("count", "figure:visible") == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_to_mend(
    browser: Browser, url: str, photo: Path, tmp_path: Path, scheme: str
) -> None:
    notes = tmp_path / "notes.txt"
    notes.write_text("these are notes\n")
    browser.do("open", url, {"colorScheme": scheme})
    browser.do("choose", photo, notes)
    browser.do("wait", "#photos .box")
    browser.do("wait", ".failure")
    assert browser.do("violations") == []
