"""Those who take part, started, and checked to do the same job."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from subprocess import CalledProcessError
from typing import Protocol

import grpc

from benchmarks.comparison.agreement import Disagreement, check_same
from benchmarks.comparison.dialect import ScoredBox
from benchmarks.comparison.in_process import InProcess
from benchmarks.comparison.limit import BenchmarkApp
from benchmarks.comparison.models import Model
from benchmarks.comparison.process_group import free_port, started
from benchmarks.comparison.programs import OURS, PROGRAMS, Program
from benchmarks.comparison.result import Cell, Result
from benchmarks.comparison.server import Server
from facewire_client import FaceClient
from facewire_client.bench.settings import Photo
from facewire_client.result import ModelInfo

LIMIT = BenchmarkApp.name
IN_PROCESS = InProcess.name
NAMES = (LIMIT, *PROGRAMS, IN_PROCESS)
Photos = dict[str, list[Photo]]
Tell = Callable[[str], None]


class Contender(Protocol):
    """Whatever can be measured in a cell."""

    def measure(self, cell: Cell, seconds: float, warmup: float) -> Result:
        """What it does there. Raises MeasureError."""


class Finder(Protocol):
    """Whatever can be asked for boxes."""

    def boxes(self, photos: Sequence[Photo]) -> list[list[ScoredBox]]:
        """What it finds in each photo."""


@contextmanager
def lineup(
    model: Model, names: Sequence[str], photos: Photos, tell: Tell
) -> Iterator[dict[str, Contender]]:
    """Those of these names that are ready to be measured, all of them stopped.

    Ours starts in any case: what it says of the model is what the others are told, and
    they must find its boxes. One that does not start or agree is left out, and `tell`
    is told why. Raises RuntimeError when it is ours.
    """
    with ExitStack() as stack:
        ours = stack.enter_context(serving(OURS, PROGRAMS[OURS](), model, photos))
        served = model_info(ours)
        job = job_options(model, served)
        expected = {size: ours.boxes(each) for size, each in photos.items()}
        count = sum(len(boxes) for each in expected.values() for boxes in each)
        tell(f"{model.name}: {served.precision}, {count} boxes in all photos")
        ours.group.pause()
        found: dict[str, Contender] = {OURS: ours, LIMIT: BenchmarkApp(served)}
        for name in names:
            if name in found:
                continue
            tell(f"starting {name}")
            try:
                found[name] = _agreeing(stack, name, model, job, photos, expected)
            except (CalledProcessError, Disagreement, RuntimeError) as error:
                tell(f"LEFT OUT: {name}: {error}")
        yield found


def _agreeing(
    stack: ExitStack,
    name: str,
    model: Model,
    job: Sequence[str],
    photos: Photos,
    expected: dict[str, list[list[ScoredBox]]],
) -> Contender:
    """One that finds the expected boxes. Raises Disagreement, RuntimeError."""
    if name == IN_PROCESS:
        alone = InProcess(job, photos)
        check(alone, photos, expected)
        return alone
    server = stack.enter_context(serving(name, PROGRAMS[name](), model, photos, job))
    check(server, photos, expected)
    server.group.pause()
    return server


def check(finder: Finder, photos: Photos, expected: dict[str, list[list[ScoredBox]]]) -> None:
    """Raises Disagreement, which names the photo."""
    for size, each in photos.items():
        found = finder.boxes(each)
        for photo, ours, theirs in zip(each, expected[size], found, strict=True):
            try:
                check_same([one.box for one in ours], [one.box for one in theirs])
            except Disagreement as error:
                raise Disagreement(f"{photo.name} ({size}): {error}") from None


@contextmanager
def serving(
    name: str,
    program: Program,
    model: Model,
    photos: Photos,
    job: Sequence[str] = (),
) -> Iterator[Server]:
    """A server that answers. Raises RuntimeError when it does not."""
    port = free_port()
    with started(program.command(port, model, job), program.paths) as group:
        server = Server(name, group, f"127.0.0.1:{port}", program.dialect, photos)
        try:
            server.wait_until_it_answers(next(iter(photos.values()))[0])
        except grpc.RpcError as error:
            raise RuntimeError(f"{error}: {group.last_words()}") from None
        yield server


def model_info(server: Server) -> ModelInfo:
    """What our server says of its model."""
    with FaceClient(server.target) as client:
        return client.model()


def job_options(model: Model, served: ModelInfo) -> list[str]:
    """The job as rivals are told it: our model, our thresholds."""
    return [
        *("--model", str(model.path), "--head", model.head),
        *("--min-confidence", str(served.min_confidence)),
        *("--iou-threshold", str(served.iou_threshold)),
    ]
