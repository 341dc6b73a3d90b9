"""The walk of a request: the functions that one Detect passes, from servicer to reply."""

import inspect
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, FrameType

import grpc
import pytest

import facewire_server
from facewire.v1 import detect_pb2 as pb
from facewire.v1.detect_pb2_grpc import DetectServiceStub
from facewire_server.config import Config
from facewire_server.lifecycle.background import BackgroundServer
from tests.server.test_rooms import ORDER

ROOT = Path(facewire_server.__file__).parent

MAX_FUNCTIONS, MAX_FILES = 45, 15

CHECKPOINT = ("Detector._look", "Scheduler.checkpoint")
"""The one call upwards: the detector asks whether the job goes on."""

BEGINNINGS = {"DetectServicer.Detect", "Scheduler._run_next"}
"""Where a request enters the event loop's thread, and a worker's."""


class Walk:
    """Notes which functions of the server a request passes, each with its caller.

    The inside of image/ is left out: it is called for one thing at a time, to open an
    image or to fit it, and calls nothing else.
    """

    def __init__(self) -> None:
        self.recording = False
        self.calls: dict[tuple[CodeType, CodeType | None], None] = {}

    def note(self, frame: FrameType, event: str, _: object) -> None:
        """The profile function of all threads."""
        if not self.recording or event != "call" or not _is_ours(frame.f_code):
            return
        function, *callers = _stack(frame)
        if BEGINNINGS.isdisjoint(each.co_qualname for each in (function, *callers)):
            return
        caller = callers[0] if callers else None
        if caller is None or room(caller) != "image":
            self.calls[function, caller] = None

    @property
    def functions(self) -> list[CodeType]:
        """The functions passed, in order, without those that read as syntax.

        That is properties, special methods and comprehensions.
        """
        passed = dict.fromkeys(function for function, _ in self.calls)
        return [each for each in passed if not _is_syntax(each)]


def _is_ours(function: CodeType) -> bool:
    return function.co_filename.startswith(f"{ROOT}/")


def _stack(frame: FrameType | None) -> Iterator[CodeType]:
    """The functions of the server that are being called, from the inside out."""
    while frame is not None:
        if _is_ours(frame.f_code):
            yield frame.f_code
        frame = frame.f_back


def _is_syntax(function: CodeType) -> bool:
    name = function.co_qualname.rpartition(".")[2]
    if name.startswith(("__", "<")):
        return True
    relative = Path(function.co_filename).relative_to(ROOT.parent).with_suffix("")
    found: object = sys.modules[".".join(relative.parts)]
    for part in function.co_qualname.split("."):
        if part == "<locals>":
            return False
        found = inspect.getattr_static(found, part)
    return isinstance(found, property)


def room(function: CodeType) -> str:
    """The room of a function: its folder, or its module where it is in none."""
    return Path(function.co_filename).relative_to(ROOT).parts[0].removesuffix(".py")


def _listed(functions: list[CodeType]) -> str:
    """Return one line for each function, for a message."""
    return "\n".join(
        f"{Path(each.co_filename).relative_to(ROOT)}: {each.co_qualname}" for each in functions
    )


@pytest.fixture(scope="module")
def walk(photo: bytes) -> Walk:
    """The walk of a JPEG on a server that has answered others before."""
    noted = Walk()
    request = pb.DetectRequest(encoded_image=photo)
    threading.setprofile(noted.note)  # of threads that start from now on
    try:
        with (
            BackgroundServer(Config(port=0, metrics_port=None)) as server,
            grpc.insecure_channel(server.target) as channel,
        ):
            stub = DetectServiceStub(channel)
            for noted.recording in (False, False, True):
                assert stub.Detect(request, timeout=60).detections
            noted.recording = False
    finally:
        threading.setprofile(None)
    return noted


def test_a_detect_passes_few_functions_in_few_files(walk: Walk) -> None:
    functions = walk.functions
    files = {each.co_filename for each in functions}
    listed = f"{len(functions)} functions in {len(files)} files:\n{_listed(functions)}"
    assert len(functions) <= MAX_FUNCTIONS, listed
    assert len(files) <= MAX_FILES, listed
    # The profile function is in place, and sees both threads.
    assert {"Detector.detect", "response"} <= {each.co_qualname for each in functions}


def test_nothing_is_called_back_but_the_checkpoint(walk: Walk) -> None:
    upwards = {
        (caller.co_qualname, function.co_qualname)
        for function, caller in walk.calls
        if caller is not None and ORDER.index(room(function)) < ORDER.index(room(caller))
    }
    assert upwards == {CHECKPOINT}
