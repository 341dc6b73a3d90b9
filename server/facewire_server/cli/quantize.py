"""`facewire-server quantize`: makes a copy of a model that computes in INT8."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from importlib.util import find_spec
from pathlib import Path

import click

from facewire_server.cli.models import cache_option, precision_option
from facewire_server.errors import CommandError

NEEDED = ("nncf", "numpy", "scipy", "matplotlib", "defusedxml")
"""Packages of the extra `quantize` that are not in the extra `server`."""


@click.command(context_settings={"show_default": True})
@click.argument("model", metavar="NAME|PATH")
@click.option(
    "--images",
    required=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="Photos of the kind that will be sent: 300 of them are used, if there are so many.",
)
@click.option(
    "--evaluate",
    "dataset",
    metavar="FORMAT:PATH",
    help="Annotated photos to measure the AP on, as of `facewire evaluate --dataset`; others than"
    " those of --images.",
)
@click.option(
    "--max-drop",
    type=click.FloatRange(0, 100),
    default=0.3,
    metavar="POINTS",
    help="How much AP, in percentage points, INT8 may cost; else nothing is written.",
)
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    metavar="DIR",
    help="The folder for NAME-int8.xml and what belongs to it.",
)
@precision_option
@cache_option
def quantize(
    model: str,
    images: Path,
    dataset: str | None,
    max_drop: float,
    output: Path,
    precision: str | None,
    cache: Path,
) -> None:
    """Make a copy of a model that computes in INT8, which is faster on many CPUs.

    Writes NAME-int8.xml, which `serve --model` takes as it is: settings and sidecar are
    kept. Prints its size and speed beside those of the model it is made from. With
    --evaluate the AP of both is measured, and operations that cost too much of it are
    left as they are; if it is still too much, nothing is written and the exit status is 1.
    """
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        packages = f"more packages ({', '.join(missing)})"
        raise CommandError(f"quantizing needs {packages}: pip install 'facewire[quantize]'")
    # Imported here, because of the packages.
    from facewire_server.cli.quantization import Quantization

    output.mkdir(parents=True, exist_ok=True)
    with _quiet(), tempfile.TemporaryDirectory(prefix=".quantize-", dir=output) as folder:
        work = Quantization(model, precision, cache, images, Path(folder))
        work.run(dataset, max_drop)
        path = _publish(work.draft, output)
    for line in work.report():
        click.echo(line)
    click.echo(f"wrote {path}")


@contextmanager
def _quiet() -> Iterator[None]:
    """Show the progress bars of NNCF, which it prints as output, on a terminal only."""
    with (
        open(os.devnull, "w") as nowhere,
        redirect_stdout(sys.stderr if sys.stderr.isatty() else nowhere),
    ):
        yield


def _publish(draft: Path, output: Path) -> Path:
    """Move a model's files into a folder; each is there as a whole or not at all.

    The .xml is last: with it the model can be found.
    """
    for suffix in (".toml", ".bin", ".xml"):
        written = draft.with_suffix(suffix)
        published = output / written.name
        if written.exists():
            os.replace(written, published)
        else:  # no sidecar: one of an earlier run would change the model
            published.unlink(missing_ok=True)
    return output / draft.name
