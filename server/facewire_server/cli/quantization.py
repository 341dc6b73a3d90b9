"""The run of `facewire-server quantize`: quantizes, measures and says what came of it."""

import resource
import shutil
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import click

from facewire_client.cli.evaluation_output import tell
from facewire_client.evaluation.dataset import Problem
from facewire_client.evaluation.files import photos
from facewire_client.evaluation.tables import percent
from facewire_server.cli.accuracy import Accuracy
from facewire_server.config import Config
from facewire_server.errors import CommandError
from facewire_server.inference import quantization, speed
from facewire_server.inference.calibration import Calibration
from facewire_server.inference.network_input import NetworkInput
from facewire_server.models.source import Source

MEGA = 1_000_000


class Quantization:
    """A model, and its copy in INT8 at `draft`."""

    def __init__(
        self, model: str, precision: str | None, cache: Path, images: Path, folder: Path
    ) -> None:
        """Read the model and look for photos; the draft will be in `folder`.

        Raises ModelError, and CommandError when no photo can be used.
        """
        self._started = time.perf_counter()
        self._config = Config(
            models=(model,),
            precision=precision,
            cache=cache,
            compile_cache=False,
            port=0,
            metrics_port=None,
        )
        self._source = Source.find(model, precision=precision, cache=cache)
        self._input = NetworkInput(self._source, self._config.image_limits)
        quantization.require_float(self._input.model, self._source.name)
        self.draft = folder / f"{self._source.path.stem}-int8.xml"
        paths = [images / name for name in photos(images)]
        self._calibration = Calibration(self._input, paths, quantization.SUBSET_SIZE)
        if next(iter(self._calibration), None) is None:
            self._tell_broken()
            raise CommandError(f"no photo in {images} can be used")
        self._sizes = self._speeds = self._accuracies = ""

    def run(self, dataset: str | None, max_drop: float) -> None:
        """Write the draft, and measure it if there is a data set.

        Raises CommandError when INT8 costs more than `max_drop` percentage points of AP.
        """
        accuracy = None if dataset is None else Accuracy(dataset)
        model = quantization.quantize(self._input.model, self._calibration)
        self._write(model)
        self._tell_broken()
        if accuracy is not None:
            self._accuracies = self._check(accuracy, max_drop)
        self._measure()

    def report(self) -> Iterator[str]:
        """Yield what to say of the result."""
        most = quantization.SUBSET_SIZE
        fewer = f"; up to {most} would tell more" if self._calibration.used < most else ""
        broken = len(self._calibration.broken)
        left_out = f", {broken} left out" if broken else ""
        yield f"calibrated with {self._calibration.used} photos{left_out}{fewer}"
        yield self._sizes
        yield self._speeds
        if self._accuracies:
            yield self._accuracies
        seconds = time.perf_counter() - self._started
        # Of the whole process; in kilobytes, on macOS in bytes.
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        peak *= 1 if sys.platform == "darwin" else 1024
        yield f"took {seconds:.0f} s and at most {peak / MEGA:.0f} MB of memory"

    def _measure(self) -> None:
        """Compare sizes and speeds, for the report. Raises ModelError."""
        quick = Source.find(str(self.draft))
        before, after = (source.weights.stat().st_size / MEGA for source in (self._source, quick))
        self._sizes = f"weights: {before:.2f} MB, in INT8 {after:.2f} MB ({after / before:.0%})"
        *floats, int8 = speed.compare([(self._source, "f32"), (self._source, None), (quick, None)])
        if floats[0].precision == floats[1].precision:
            floats.pop()
        parts = [
            f"{each.precision} {each.seconds * 1e3:.2f} ms (INT8 is"
            f" {each.seconds / int8.seconds:.2f} times as fast)"
            for each in floats
        ]
        self._speeds = (
            f"CPU time of an inference, one thread: {', '.join(parts)},"
            f" {int8.precision} {int8.seconds * 1e3:.2f} ms"
        )

    def _write(self, model: Any) -> None:
        quantization.save(model, self.draft, self._source.defaults)
        sidecar = self._source.path.with_suffix(".toml")
        if sidecar.exists():
            shutil.copyfile(sidecar, self.draft.with_suffix(".toml"))

    def _check(self, accuracy: Accuracy, max_drop: float) -> str:
        """Measure both models, and restore accuracy if need be; returns what to say."""
        before = accuracy.of_served(self._config)
        after = accuracy.of_served(replace(self._config, models=(str(self.draft),)))
        if _drop(before, after) > max_drop:
            lost = _change(before, after)
            click.echo(f"{lost}: taking operations back that cost most", err=True)
            self._restore(accuracy, max_drop)
            after = accuracy.of_served(replace(self._config, models=(str(self.draft),)))
            if _drop(before, after) > max_drop:
                raise CommandError(
                    f"{_change(before, after)}, with the operations that cost most left in"
                    f" floating point; --max-drop is {max_drop:g}, so nothing is written"
                )
        return f"{accuracy.title}: {_change(before, after)}"

    def _restore(self, accuracy: Accuracy, max_drop: float) -> None:
        """Write a draft of which NNCF has taken back what costs most accuracy."""
        model = quantization.quantize_within(
            self._input.model,
            self._calibration,
            accuracy.dataset.photos,
            partial(accuracy.of_photos, self._input),
            max_drop / 100,
        )
        if not quantization.is_quantized(model):
            raise CommandError("none of it can be in INT8 at this --max-drop: nothing is written")
        self._write(model)

    def _tell_broken(self) -> None:
        """Tell which photos cannot be read, the first by name."""
        broken = self._calibration.broken.items()
        tell([Problem("cannot be read, left out", path.name, why) for path, why in broken])


def _drop(before: float, after: float) -> float:
    """Return how many percentage points are lost, without the last bits of binary fractions."""
    return round(100 * (before - after), 9)


def _change(before: float, after: float) -> str:
    return f"AP {percent(before)}, in INT8 {percent(after)} ({100 * (after - before):+.2f})"
