"""The contenders, started, checked to do the same job, and measured in alternation."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from subprocess import CalledProcessError

import grpc

from benchmarks.comparison.contenders import LIMIT, BenchmarkApp, Contender, Photos, Server
from benchmarks.comparison.programs import OURS, PROGRAMS, Model, ServerProgram
from benchmarks.comparison.protocols import Boxes
from benchmarks.comparison.results import Cell, CellResults, MeasureError, Result
from benchmarks.harness.images import Box, iou
from benchmarks.harness.program import free_port, started
from benchmarks.harness.rounds import alternate
from facewire_client import FaceClient
from facewire_client.result import ModelInfo

NAMES = (LIMIT, *PROGRAMS)
MIN_IOU = 0.9
"""Of two boxes that are taken for the same."""

Progress = Callable[[str], None]
Plan = Sequence[tuple[Cell, Sequence[str]]]
"""Cells, and the names of those that take part in each."""


class Disagreement(Exception):
    """Two that should do the same job found different boxes."""


@dataclass(frozen=True, slots=True)
class Length:
    """Seconds of measuring and of warm-up of a light model, and how many rounds."""

    seconds: float
    rounds: int
    warmup: float = 1.0

    def of(self, cell: Cell) -> tuple[float, float]:
        """Seconds of measuring and of warm-up in this cell."""
        return self.seconds * cell.model.duration, self.warmup * cell.model.duration

    def total(self, plan: Plan) -> float:
        """About how many seconds the plan takes, without starts."""
        return self.rounds * sum(sum(self.of(cell)) * len(names) for cell, names in plan)


@contextmanager
def lineup(
    model: Model, names: Sequence[str], photos: Photos, progress: Progress
) -> Iterator[dict[str, Contender]]:
    """Those of these names that are ready to be measured, all of them paused.

    Ours starts in any case: what it says of the model is what the others are told, and
    they must find its boxes. One that does not start or agree is left out, and
    `progress` is told why. Raises RuntimeError when it is ours.
    """
    with ExitStack() as stack:
        ours = stack.enter_context(serving(PROGRAMS[OURS](), model, photos))
        served = model_info(ours)
        job = job_options(model, served)
        expected = {size: ours.boxes(each) for size, each in photos.items()}
        count = sum(len(boxes) for each in expected.values() for boxes in each)
        progress(f"{model.name}: {served.precision}, {count} boxes in all photos")
        ours.program.pause()
        found: dict[str, Contender] = {OURS: ours, LIMIT: BenchmarkApp(served)}
        for name in names:
            if name in found:
                continue
            progress(f"starting {name}")
            try:
                program = PROGRAMS[name]()
                server = stack.enter_context(serving(program, model, photos, job))
                check(server, photos, expected)
                server.program.pause()
                found[name] = server
            except (CalledProcessError, Disagreement, RuntimeError) as error:
                progress(f"LEFT OUT: {name}: {error}")
        yield found


def measured(
    contenders: Mapping[str, Contender], plan: Plan, length: Length, progress: Progress
) -> list[CellResults]:
    """All rounds of a plan; those in it that are no contenders have no results.

    A round goes through all cells, every other one backwards.
    """
    turns = {
        (cell, name): partial(_measured_once, contenders.get(name), name, cell, length, progress)
        for cell, names in plan
        for name in names
    }
    results = alternate(length.rounds, turns)
    return [
        CellResults(cell, {name: results[cell, name] for name in names}) for cell, names in plan
    ]


def _measured_once(
    contender: Contender | None, name: str, cell: Cell, length: Length, progress: Progress
) -> Result | None:
    if contender is None:
        return None
    try:
        result = contender.measure(cell, *length.of(cell))
    except MeasureError as error:
        progress(f"{cell}: {name:20} FAILED: {error}")
        return None
    progress(f"{cell}: {name:20} {result}")
    return result


def check(server: Server, photos: Photos, expected: Mapping[str, list[Boxes]]) -> None:
    """Raise Disagreement, which names the photo, unless it finds the expected boxes."""
    for size, each in photos.items():
        for name, ours, theirs in zip(each, expected[size], server.boxes(each), strict=True):
            try:
                check_same(ours, theirs)
            except Disagreement as error:
                raise Disagreement(f"{name} ({size}): {error}") from None


def check_same(ours: Sequence[Box], theirs: Sequence[Box]) -> None:
    """Raise Disagreement unless each box has one of the others, IoU >= MIN_IOU.

    The pairs that overlap most are matched first.
    """
    if len(ours) != len(theirs):
        raise Disagreement(f"{len(theirs)} boxes instead of {len(ours)}")
    left, others = list(ours), list(theirs)
    while left:
        overlap, mine, other = max((iou(a, b), a, b) for a in left for b in others)
        if overlap < MIN_IOU:
            texts = (", ".join(f"{value:.0f}" for value in box) for box in (mine, other))
            raise Disagreement(f"IoU {overlap:.2f} of ({'), ('.join(texts)})")
        left.remove(mine)
        others.remove(other)


@contextmanager
def serving(
    program: ServerProgram, model: Model, photos: Photos, job: Sequence[str] = ()
) -> Iterator[Server]:
    """A server that answers. Raises RuntimeError when it does not."""
    port = free_port()
    with started(program.command(port, model, job), program.paths) as running:
        server = Server(running, f"127.0.0.1:{port}", program.protocol, photos)
        name, content = next(iter(next(iter(photos.values())).items()))
        try:
            server.wait_until_ready({name: content})
        except grpc.RpcError as error:
            raise RuntimeError(f"{error}: {running.last_output()}") from None
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
