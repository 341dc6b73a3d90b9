"""What the settings of a server choose for its networks."""

import os
from pathlib import Path

import pytest

from facewire_server.config import Config, Mode
from facewire_server.inference.runtime import Runtime
from facewire_server.system import cpu_quota
from facewire_server.system.cpu_quota import available_core_numbers, available_cores


def test_the_runtime_has_what_the_operator_chose(tmp_path: Path) -> None:
    config = Config(
        device="AUTO",
        inference_precision="f32",
        device_properties=("NUM_STREAMS=1", "KEY=a=b"),
        cache=tmp_path,
        mode="latency",
    )
    assert Runtime.from_config(config) == Runtime(
        device="AUTO",
        inference_precision="f32",
        properties={"NUM_STREAMS": "1", "KEY": "a=b"},
        cache=tmp_path,
        mode=Mode.LATENCY,
    )


def test_by_default_the_device_chooses() -> None:
    assert Runtime.from_config(Config(compile_cache=False)) == Runtime()


def test_several_models_share_the_threads_of_one() -> None:
    models = ("a.xml", "b.xml")
    cores = available_cores()
    assert Runtime.from_config(Config(models=models)).requests == max(1, (cores + 1) // 2)


@pytest.mark.parametrize(
    ("quota", "workers", "threads"), [(None, 1, None), (1000, 1, None), (1.5, 1, 2), (3, 2, 2)]
)
def test_as_many_threads_infer_as_the_quota_has_cores(
    monkeypatch: pytest.MonkeyPatch, quota: float | None, workers: int, threads: int | None
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(64)))
    monkeypatch.setattr(cpu_quota, "cpu_quota", lambda: quota)
    assert Runtime.from_config(Config(workers=workers)).threads == threads


def test_the_cores_that_are_given_limit_threads_and_requests() -> None:
    cores = len(available_core_numbers())
    assert Runtime.from_config(Config(), cores).threads is None
    two_models = Config(models=("a", "b"))
    assert Runtime.from_config(two_models, 1).requests == 1
    if cores > 1:
        assert Runtime.from_config(Config(), 1).threads == 1
