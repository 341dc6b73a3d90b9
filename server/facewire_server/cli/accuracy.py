"""The accuracy of a model on a data set, by the code of `facewire evaluate`."""

import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np

from facewire_client import FaceClient, FaceClientError
from facewire_client.cli.evaluation_output import tell
from facewire_client.evaluation.answers import Answer, AnswerFile, refused
from facewire_client.evaluation.dataset import Dataset, DatasetError, Photo
from facewire_client.evaluation.evaluation import METRICS, Settings, default_metric, evaluate
from facewire_client.evaluation.reading import read
from facewire_client.evaluation.sending import Question, ask
from facewire_client.request import DetectOptions
from facewire_server.config import Config
from facewire_server.errors import CommandError, RequestError
from facewire_server.inference.detector import DEFAULT_MAX_DETECTIONS
from facewire_server.inference.network_input import NetworkInput
from facewire_server.lifecycle.background import BackgroundServer

MIN_CONFIDENCE = 0.01
"""As `facewire evaluate` asks by default."""

SECONDS = 60.0
"""How long a photo may take."""


class Accuracy:
    """Measures models on one data set by the number that `facewire evaluate` judges by."""

    def __init__(self, name: str) -> None:
        """`name` is FORMAT:PATH. Raises CommandError; problems of the data set are told."""
        try:
            self.dataset = read(name)
        except DatasetError as error:
            raise CommandError(str(error)) from error
        if not self.dataset.faces:
            raise CommandError("the data set has no faces, so that there is no AP")
        tell(self.dataset.problems)
        self._told = list(self.dataset.problems)
        metric = default_metric(self.dataset.format)
        self._settings = Settings(metric, 0.5, 0.1)
        self.title = METRICS[metric]

    def of_served(self, config: Config) -> float:
        """Return the AP in [0, 1] of a model, as a server with this config answers.

        Raises CommandError when a photo is not answered, and ModelError.
        """
        try:
            with BackgroundServer(config) as server, FaceClient(server.target) as client:
                return self._of_answers(self.dataset, self._ask(client))
        except FaceClientError as error:
            raise CommandError(str(error)) from error

    def of_photos(
        self, network_input: NetworkInput, compiled: Any, photos: Iterable[Photo]
    ) -> float:
        """Return the AP of a compiled network in some of the photos; 0 if they have no faces."""
        chosen = list(photos)
        answers = [_answer(network_input, compiled, photo) for photo in chosen]
        part = Dataset(self.dataset.format, chosen)
        return float(np.nan_to_num(self._of_answers(part, answers)))

    def _of_answers(self, dataset: Dataset, answers: Sequence[Answer]) -> float:
        return evaluate(dataset, answers, self._settings).headline

    def _ask(self, client: FaceClient) -> Sequence[Answer]:
        photos = self.dataset.photos
        options = DetectOptions(
            min_confidence=MIN_CONFIDENCE, max_detections=DEFAULT_MAX_DETECTIONS
        )
        question = Question.to(client, options)
        with (
            tempfile.TemporaryDirectory(prefix="facewire-answers-") as folder,
            AnswerFile(Path(folder, "answers.jsonl")) as file,
            click.progressbar(
                length=len(photos),
                label=f"asking {question.asked['model']} in {question.asked['precision']}",
                file=sys.stderr,
                hidden=not sys.stderr.isatty(),
            ) as bar,
        ):
            answers = ask(client, photos, question, file, SECONDS, bar.update)
        if answers.broken is not None:
            raise answers.broken
        tell([each for each in answers.problems if each not in self._told])
        self._told += answers.problems
        if answers.missing:
            raise CommandError(f"{answers.missing} photos were not answered")
        return answers.answers


def _answer(network_input: NetworkInput, compiled: Any, photo: Photo) -> Answer:
    try:
        data = photo.path.read_bytes()
        found, size = network_input.detect(compiled, data, MIN_CONFIDENCE)
    except (RequestError, OSError) as error:
        return refused(str(error))
    return Answer(np.column_stack((found.boxes, found.confidences)), size)
