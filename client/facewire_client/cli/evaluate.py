"""`facewire evaluate`: how accurate a server is on a data set."""

import sys
from pathlib import Path
from typing import Any

import click

from facewire_client.cli.connection import with_connection
from facewire_client.cli.output import print_error
from facewire_client.client import FaceClient
from facewire_client.connection import Connection

_EPILOG = """\b
Examples:
  facewire evaluate --dataset wider:WIDER --report report.html
  facewire evaluate --dataset dlib:faces --baseline model=face-detection-0205
  facewire evaluate --dataset coco:faces.json --fail-under 60 --json > result.json
"""


@click.command(epilog=_EPILOG)
@with_connection
@click.option(
    "--dataset",
    required=True,
    metavar="FORMAT:PATH",
    help="wider, coco, voc, yolo or dlib, and its folder or file.",
)
@click.option("--label", metavar="NAME", help="The label of faces, among several.")
@click.option("--model", default="", metavar="NAME", help="Not the default model.")
@click.option(
    "--iou-threshold",
    type=click.FloatRange(0, 1),
    metavar="0..1",
    help="As of `facewire detect`.",
)
@click.option(
    "--tiling",
    type=click.Choice(["on", "off"]),
    callback=lambda _context, _option, value: value and value == "on",
    help="As of `facewire detect`.",
)
@click.option(
    "--min-confidence",
    default=0.01,
    type=click.FloatRange(0, 1),
    metavar="0..1",
    show_default=True,
    help="What to ask the server for; low, because AP needs weak detections, too.",
)
@click.option(
    "--max-detections",
    default=1000,
    type=click.IntRange(1),
    metavar="N",
    show_default=True,
    help="What to ask the server for, of a photo.",
)
@click.option(
    "--answers",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE.jsonl",
    help="Where answers are kept, and not asked again.  [default: beside the report, or "
    "facewire-answers.jsonl]",
)
@click.option(
    "--baseline",
    metavar="OTHER",
    help="Compare with another server (HOST:PORT), another model (model=NAME), or kept "
    "answers (a file).",
)
@click.option(
    "--metric",
    type=click.Choice(["large", "ap50", "coco"]),
    help="Judge by AP of faces from 64 px, AP at an overlap of 0.5, or COCO's AP.  [default: "
    "large for wider, coco for coco, else ap50]",
)
@click.option(
    "--threshold",
    type=click.FloatRange(0, 1),
    metavar="0..1",
    help="Draw and compare detections from this confidence on.  [default: the model's]",
)
@click.option(
    "--false-positives",
    default=0.1,
    type=click.FloatRange(0),
    metavar="RATE",
    show_default=True,
    help="Find the threshold for so many false positives a photo.",
)
@click.option(
    "--fail-under",
    type=click.FloatRange(0, 100),
    metavar="PERCENT",
    help="Exit with 1 if the AP is lower.",
)
@click.option(
    "--report",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE.html",
    help="Write one HTML file with a picture and the worst photos.",
)
@click.option("as_json", "--json", is_flag=True, help="Print one JSON document.")
def evaluate(client: FaceClient, connection: Connection, **settings: Any) -> None:
    """Measure how well a server finds the faces of an annotated data set.

    The photos are sent over one stream; what was answered is kept and not asked again,
    so that a run that was stopped goes on where it was. Photos that are broken or not
    annotated, and boxes that are none, are told and counted. docs/accuracy.md has the
    rules of each number. The exit status is 1 when a photo was not answered, or with
    --fail-under.
    """
    # Imported here, because the other commands do without these packages.
    from facewire_client.evaluation.extra import missing

    if (advice := missing()) is not None:
        print_error(advice)
        sys.exit(1)
    from facewire_client.cli.evaluation import Options, run

    fail_under = settings["fail_under"]
    if fail_under is not None and 0 < fail_under <= 1:
        raise click.UsageError(
            f"--fail-under is in percent: {100 * fail_under:g}, not {fail_under:g}"
        )
    sys.exit(run(client, connection, Options(**settings)))
