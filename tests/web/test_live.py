"""The camera's frames: few calls at a time, and the newest answer is shown."""

from pathlib import Path

import pytest

from facewire_client import FaceClient
from tests.web.browser import Browser


def test_the_camera_gets_boxes_where_its_face_is(
    page: Browser, client: FaceClient, photo: Path
) -> None:
    page.do("click", "#live")
    page.do("wait", "#camera .box")
    box = client.detect(photo).faces[0].box
    # The camera's picture has lost something by two more encodings.
    [place] = page.do("places", "video", "#camera .box")
    assert place == pytest.approx([side / 512 for side in box], abs=0.02)
    page.do("wait", ".rate:not(:empty)")
    page.do("click", "#live")
    assert page.do("count", "#camera:visible") == 0
    assert page.do("complaints") == []


def wait_for_calls(page: Browser, count: int) -> None:
    """Let the camera go on until this many calls are held."""
    for _ in range(1000):
        if page.do("held") >= count:
            return
        page.do("frames", 1)


def test_two_calls_are_open_at_most_and_the_frames_between_are_dropped(page: Browser) -> None:
    page.do("hold")
    page.do("click", "#live")
    wait_for_calls(page, 2)
    page.do("frames", 20)
    assert page.do("held") == 2
    page.do("release", 0)
    wait_for_calls(page, 2)
    page.do("frames", 20)
    assert page.do("held") == 2
    page.do("wait", ".rate:has-text('dropped')")


def test_an_answer_to_an_older_frame_is_not_shown(page: Browser) -> None:
    page.do("hold")
    page.do("click", "#live")
    wait_for_calls(page, 2)
    # Either may be the older one: the browser encodes both frames at the same time. The call
    # that follows this answer is newer than the other, which stays the first.
    page.do("release", 0)
    wait_for_calls(page, 2)
    page.do("release", 1)
    # The page sends another frame when it has seen to an answer.
    wait_for_calls(page, 2)
    newest = page.do("texts", "#camera .times dd")
    assert len(newest) == 5
    page.do("release", 0)
    wait_for_calls(page, 2)
    assert page.do("texts", "#camera .times dd") == newest
