"""Which label of a data set names its faces."""

from collections.abc import Collection

from facewire_client.evaluation.dataset import DatasetError


def face_label(labels: Collection[str], label: str | None) -> str | None:
    """Return the label of faces among those that occur; None: there are no labels.

    `label` is the one that was asked for. Without it, the only one, or the one named face, in
    any case of letters. Raises DatasetError when there is no such one.
    """
    if label is not None:
        if label not in labels:
            raise DatasetError(f"no box is labelled {label!r}; there are {_listed(labels)}")
        return label
    named = [each for each in labels if each.lower() == "face"]
    found = named or list(labels)
    if len(found) > 1:
        raise DatasetError(f"choose the label of faces, --label: there are {_listed(labels)}")
    return found[0] if found else None


def _listed(labels: Collection[str]) -> str:
    first = sorted(labels)[:10]
    return ", ".join([*map(repr, first), *(["..."] if len(labels) > len(first) else [])]) or "none"
