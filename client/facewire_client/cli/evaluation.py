"""The run of `facewire evaluate`: reads, asks, measures and prints."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from facewire_client.cli.evaluation_output import show_evaluation, tell
from facewire_client.cli.output import print_error
from facewire_client.client import FaceClient
from facewire_client.connection import Connection
from facewire_client.evaluation.answers import Answer, AnswerFile, Asked, kept_alone, refused
from facewire_client.evaluation.comparison import Comparison, compare
from facewire_client.evaluation.dataset import Dataset, DatasetError
from facewire_client.evaluation.evaluation import (
    METRICS,
    Evaluation,
    Settings,
    default_metric,
    evaluate,
)
from facewire_client.evaluation.reading import read
from facewire_client.evaluation.report import report
from facewire_client.evaluation.sending import Answers, Question, ask
from facewire_client.evaluation.tables import percent
from facewire_client.request import DetectOptions


@dataclass(frozen=True, slots=True)
class Options:
    """The options of the command; `docs/accuracy.md` describes them."""

    dataset: str
    label: str | None
    model: str
    iou_threshold: float | None
    tiling: bool | None
    min_confidence: float
    max_detections: int
    answers: Path | None
    baseline: str | None
    metric: str | None
    threshold: float | None
    false_positives: float
    fail_under: float | None
    report: Path | None
    as_json: bool

    def detection(self, model: str) -> DetectOptions:
        """Return what is asked of a model."""
        return DetectOptions(
            model=model,
            min_confidence=self.min_confidence,
            iou_threshold=self.iou_threshold,
            max_detections=self.max_detections,
            tiling=self.tiling,
        )

    @property
    def answer_path(self) -> Path:
        """Where answers are kept."""
        folder = Path() if self.report is None else self.report.parent
        return self.answers or folder / "facewire-answers.jsonl"


def run(client: FaceClient, connection: Connection, options: Options) -> int:
    """Evaluate, print, write the report, and return the exit status.

    Raises FaceClientError when the server cannot be asked.
    """
    try:
        dataset = read(options.dataset, options.label)
        with AnswerFile(options.answer_path) as file:
            question = Question.to(client, options.detection(options.model))
            answers = _ask(client, connection, dataset, question, file)
            if answers.broken is not None:
                print_error(_unfinished(answers, dataset, file.path))
                return 1
            settings = _settings(client, options, dataset)
            result = evaluate(dataset, answers.answers, settings)
            comparison = _compare(client, connection, options, dataset, file, result)
    except DatasetError as error:
        print_error(str(error))
        return 1
    problems = [*dataset.problems, *answers.problems]
    tell(problems)
    parts = (dataset, problems, question.asked, answers.missing, result, comparison)
    if options.report is not None:
        text = report(*parts)
        # The names of files may hold bytes that are no text.
        options.report.write_text(text, encoding="utf-8", errors="xmlcharrefreplace")
    show_evaluation(options.as_json, *parts)
    return _status(options, answers, result)


def _settings(client: FaceClient, options: Options, dataset: Dataset) -> Settings:
    threshold = options.threshold
    if threshold is None:
        threshold = client.model(options.model).min_confidence
    metric = options.metric or default_metric(dataset.format)
    return Settings(metric, threshold, options.false_positives)


def _ask(
    client: FaceClient,
    connection: Connection,
    dataset: Dataset,
    question: Question,
    file: AnswerFile,
) -> Answers:
    """Ask for all photos, with a progress bar on a terminal."""
    with click.progressbar(
        length=len(dataset.photos),
        label=f"asking {question.asked['model']}",
        file=sys.stderr,
        hidden=not sys.stderr.isatty(),
    ) as bar:
        return ask(client, dataset.photos, question, file, connection.timeout, bar.update)


def _unfinished(answers: Answers, dataset: Dataset, path: Path) -> str:
    done = len(dataset.photos) - answers.missing
    rest = f"{done} of {len(dataset.photos)} photos are answered, and kept in {path}"
    return f"{answers.broken}; {rest}: the same command goes on from there"


def _compare(
    client: FaceClient,
    connection: Connection,
    options: Options,
    dataset: Dataset,
    file: AnswerFile,
    result: Evaluation,
) -> Comparison | None:
    if options.baseline is None:
        return None
    asked, answers, missing = _baseline(client, connection, options, dataset, file)
    return compare(asked, missing, evaluate(dataset, answers, result.settings), result)


def _baseline(
    client: FaceClient,
    connection: Connection,
    options: Options,
    dataset: Dataset,
    file: AnswerFile,
) -> tuple[Asked, Sequence[Answer], int]:
    """Return what the baseline was asked, its answers, and how many are missing."""
    other = options.baseline or ""
    key, equals, model = other.partition("=")
    if not equals and Path(other).is_file():
        asked, found = kept_alone(Path(other), dataset.photos, options.model or None)
        nothing = refused("")
        answers = [found.get(photo.name, nothing) for photo in dataset.photos]
        return asked, answers, len(dataset.photos) - len(found)
    if equals and key == "model":
        question = Question.to(client, options.detection(model))
        got = _ask(client, connection, dataset, question, file)
    else:
        with _client_of(other, connection) as target:
            question = Question.to(target, options.detection(options.model))
            got = _ask(target, connection, dataset, question, file)
    if got.broken is not None:
        raise DatasetError(f"the baseline: {_unfinished(got, dataset, file.path)}")
    return question.asked, got.answers, got.missing


def _client_of(target: str, connection: Connection) -> FaceClient:
    """Return a client of another server, with the same credentials."""
    try:
        return FaceClient(
            target,
            token=connection.token,
            root_certificates=connection.root_certificates,
            certificate_chain=connection.certificate_chain,
            private_key=connection.private_key,
            tls=connection.tls,
            timeout=connection.timeout,
        )
    except ValueError as error:
        raise click.UsageError(f"--baseline is no file and no server: {error}") from None


def _status(options: Options, answers: Answers, result: Evaluation) -> int:
    if answers.missing:
        print_error(f"{answers.missing} photos were not answered; the same command asks again")
        return 1
    least = options.fail_under
    # Written so that NaN, the AP without faces, fails.
    if least is not None and not result.headline * 100 >= least:
        name = METRICS[result.settings.metric]
        print_error(f"{percent(result.headline)} is under {least:g} %: {name}")
        return 1
    return 0
