"""The loaded models of a server, by name; the first is the default."""

from collections.abc import Iterator, Sequence
from typing import Generic, Protocol, TypeVar

from facewire_server.errors import ModelError, Reason, RequestError
from facewire_server.models.description import Description

MAX_NAME_LENGTH = 100
"""Characters of an unknown name that the error repeats: it has to fit into a header."""


class Described(Protocol):
    """An object with the description of a model."""

    @property
    def description(self) -> Description:
        """The description of the model."""


LoadedModel = TypeVar("LoadedModel", bound=Described)


class Registry(Generic[LoadedModel]):
    """Loaded models by name, in the order in which they were given."""

    def __init__(self, models: Sequence[LoadedModel]) -> None:
        """Raises ModelError for no models, and for two with the same name."""
        self._models = {model.description.name: model for model in models}
        self._descriptions = {name: model.description for name, model in self._models.items()}
        self.default_name = next(iter(self._models), "")
        """The name of the default model, also while it is unloaded."""
        if not models:
            raise ModelError("a server needs at least one model")
        if len(self._models) < len(models):
            raise ModelError("two of the models have the same name")

    def replace(self, name: str, model: LoadedModel) -> None:
        """Replace the model called `name`.

        Running requests keep the old one until they are answered. Raises ModelError if
        the new one has another name, since callers ask by name, and if there is none any more.
        """
        if name not in self._models:
            raise ModelError("it was unloaded meanwhile")
        if model.description.name != name:
            raise ModelError(
                f"it is called {model.description.name!r} now, and callers ask for"
                f" {name!r}: a new name takes a new start"
            )
        self._put(name, model)

    def add(self, name: str, model: LoadedModel) -> None:
        """Add a model that is called `name`. Raises ModelError if it has another name."""
        if model.description.name != name:
            raise ModelError(f"it is called {model.description.name!r} now, not {name!r}")
        self._put(name, model)

    def remove(self, name: str) -> LoadedModel:
        """Take a model away, and return it. Raises RequestError (UNKNOWN_MODEL).

        Running requests keep it until they are answered.
        """
        if name not in self._models:
            raise self._unknown(name)
        del self._descriptions[name]
        return self._models.pop(name)

    def release(self, name: str) -> None:
        """Let a model go, and keep its description: whoever gets it next adds it first."""
        self._models.pop(name, None)

    def __contains__(self, name: object) -> bool:
        return name in self._models

    def __iter__(self) -> Iterator[LoadedModel]:
        return iter(self._models.values())

    @property
    def descriptions(self) -> Sequence[Description]:
        """Those of all models, also of released ones."""
        return list(self._descriptions.values())

    def describe(self, name: str) -> Description:
        """Return the description of the model called `name`, as `get` finds it."""
        try:
            return self._descriptions[name or self.default_name]
        except KeyError:
            raise self._unknown(name or self.default_name) from None

    def is_default(self, description: Description) -> bool:
        """Whether the model of this description answers the requests that name none."""
        return description.name == self.default_name

    def get(self, name: str) -> LoadedModel:
        """Return the model called `name`; empty: the default one.

        Raises RequestError (UNKNOWN_MODEL).
        """
        try:
            return self._models[name or self.default_name]
        except KeyError:
            raise self._unknown(name or self.default_name) from None

    def _put(self, name: str, model: LoadedModel) -> None:
        self._models[name] = model
        self._descriptions[name] = model.description

    def _unknown(self, name: str) -> RequestError:
        known = ", ".join(self._descriptions) or "none"
        return unknown_model(name, f"is loaded; there are: {known}")


def unknown_model(name: str, problem: str) -> RequestError:
    """UNKNOWN_MODEL: no model of this name ... `problem` ends the sentence."""
    shown = name if len(name) <= MAX_NAME_LENGTH else f"{name[:MAX_NAME_LENGTH]}..."
    return RequestError(Reason.UNKNOWN_MODEL, f"no model {shown!r} {problem}")
