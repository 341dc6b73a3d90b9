"""The `args` of an application are the settings of a server, less those that Serve has itself."""

from dataclasses import fields

import pytest

from facewire_server.config import Config, TransportLimits
from facewire_server.config.setting import option_name
from facewire_server.errors import ConfigError
from facewire_server.ray.settings import NOT_HERE, Arguments, read_arguments


def test_no_args_are_the_defaults() -> None:
    assert read_arguments({}) == Arguments()


def test_args_are_named_and_written_as_in_a_toml_file() -> None:
    found = read_arguments(
        {"model": ["a", "b"], "max-queue": 3, "scaled_decode": False, "models-per-replica": 1}
    )
    config = Config(models=("a", "b"), max_queue=3, scaled_decode=False)
    assert found == Arguments(models_per_replica=1, config=config)


def test_the_environment_sets_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACEWIRE_MAX_QUEUE", "3")
    assert read_arguments({}).config.max_queue is None


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({"max-queue": -1}, "--max-queue: negative"),
        ({"max-queue": "many"}, "Invalid value for '--max-queue'"),
        ({"models-per-replica": 0}, "--models-per-replica: less than 1"),
        ({"modle": ["a"]}, "`args` sets 'modle', which is no option"),
        ({"model": {"a": 1}}, "`args` sets 'model', which is no option"),
        ({"precision": "FP8"}, "Invalid value for '--precision'"),
    ],
)
def test_a_wrong_argument_is_named(args: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read_arguments(args)


@pytest.mark.parametrize("name", NOT_HERE)
def test_what_serve_has_itself_is_refused_with_the_reason(name: str) -> None:
    with pytest.raises(ConfigError, match=f"{name}' has no meaning on Ray Serve: "):
        read_arguments({name: "1"})


def test_all_that_is_refused_is_a_setting() -> None:
    known = {
        option_name(each) for each in (*fields(Config), *fields(TransportLimits)) if each.metadata
    }
    assert set(NOT_HERE) <= known
