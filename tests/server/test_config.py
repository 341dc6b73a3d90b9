"""The settings: sensible by default, and refused by name."""

from pathlib import Path
from typing import Any

import pytest

from facewire_server.config import Config, available_cores
from facewire_server.errors import ConfigError
from facewire_server.image.limits import ImageLimits
from facewire_server.inference.runtime import Mode, Runtime


def test_the_defaults_listen_on_loopback_only() -> None:
    config = Config()
    assert config.host == "127.0.0.1"
    assert config.models == ("face-detection-nano",)


def test_metrics_are_beside_the_server_or_on_loopback() -> None:
    assert Config(host="::1").metrics_host == "::1"
    assert Config(host="unix:/run/x").metrics_host == "127.0.0.1"


def test_limits_are_turned_into_bytes_and_pixels() -> None:
    config = Config(max_message_mb=0.5, max_megapixels=1.5, max_side=9000, max_scans=5)
    assert config.max_message_bytes == 524_288
    assert config.image_limits == ImageLimits(pixels=1_500_000, side=9000, scans=5)


def test_the_runtime_is_told_what_the_operator_has_chosen(tmp_path: Path) -> None:
    config = Config(
        device="AUTO",
        inference_precision="f32",
        device_properties=("NUM_STREAMS=1", "KEY=a=b"),
        cache=tmp_path,
        mode="latency",
    )
    assert config.runtime == Runtime(
        device="AUTO",
        inference_precision="f32",
        properties={"NUM_STREAMS": "1", "KEY": "a=b"},
        cache=tmp_path,
        mode=Mode.LATENCY,
    )


def test_nothing_is_chosen_for_the_device_unless_told() -> None:
    assert Config(compile_cache=False).runtime == Runtime()


def test_several_models_share_the_threads_of_one() -> None:
    models = ("a.xml", "b.xml")
    cores = available_cores()
    assert Config(models=models).runtime.requests == max(1, (cores + 1) // 2)


@pytest.mark.parametrize(
    ("settings", "flag"),
    [
        ({"models": ()}, "--model"),
        ({"port": 65536}, "--port"),
        ({"metrics_port": -1}, "--metrics-port"),
        ({"mode": "fast"}, "--mode"),
        ({"workers": 0}, "--workers"),
        ({"workers": 1025}, "--workers"),
        ({"workers": 2, "host": "unix:/run/x"}, "--workers: a Unix socket"),
        ({"host": "unix:"}, "--host: unix: needs a path"),
        ({"socket_mode": 0o1777}, "--socket-mode"),
        ({"socket_mode": -1}, "--socket-mode"),
        ({"max_parallel": 0}, "--max-parallel"),
        ({"max_message_mb": 0}, "--max-message-mb"),
        ({"max_message_mb": float("nan")}, "--max-message-mb"),
        ({"max_megapixels": 5000}, "--max-megapixels"),
        ({"max_side": 0}, "--max-side"),
        ({"max_scans": 0}, "--max-scans"),
        ({"max_queue": -1}, "--max-queue"),
        ({"max_queued_mb": 0}, "--max-queued-mb"),
        ({"grace": float("inf")}, "--grace"),
        ({"stall_seconds": -1}, "--stall-seconds"),
        ({"inference_precision": "f64"}, "--inference-precision"),
        ({"tls_cert": Path("c")}, "--tls-cert: needs --tls-key"),
        ({"tls_key": Path("k")}, "--tls-key: needs --tls-cert"),
        ({"tls_client_ca": Path("a")}, "--tls-client-ca: needs --tls-cert"),
        ({"device_properties": ("NUM_STREAMS",)}, "--device-property"),
    ],
)
def test_a_setting_out_of_range_names_its_flag(settings: dict[str, Any], flag: str) -> None:
    with pytest.raises(ConfigError, match=flag):
        Config(**settings)
