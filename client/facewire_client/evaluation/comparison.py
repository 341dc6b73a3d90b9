"""A result beside that of a baseline on the same photos."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from facewire_client.evaluation.answers import Asked
from facewire_client.evaluation.dataset import Photo
from facewire_client.evaluation.evaluation import Evaluation
from facewire_client.evaluation.measures.bootstrap import Difference, difference
from facewire_client.evaluation.photo_counts import Change, changes

ROUNDS = {"large": 1000, "ap50": 1000, "coco": 200}
"""Random draws for each metric; COCO's AP is the mean of ten, and takes ten times as long."""


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """The baseline, how far the headline is from its, and the photos that changed.

    `asked` is what the baseline answered, `missing` how many photos it did not answer.
    """

    asked: Asked
    missing: int
    before: Evaluation
    difference: Difference
    changes: Sequence[Change]

    def document(self, photos: Sequence[Photo]) -> dict[str, Any]:
        """Return the comparison in a form for JSON."""
        return {
            "asked": dict(self.asked),
            "missing": self.missing,
            **self.before.document(),
            "difference": asdict(self.difference),
            "changes": [
                {**asdict(change), "photo": photos[change.photo].name} for change in self.changes
            ],
        }


def compare(asked: Asked, missing: int, before: Evaluation, after: Evaluation) -> Comparison:
    """Compare two results on the same photos."""
    rounds = ROUNDS[after.settings.metric]
    value = difference(before.weighted(), after.weighted(), len(after.truths), rounds=rounds)
    return Comparison(asked, missing, before, value, changes(before, after))
