"""The settings: their defaults, and errors that name the option."""

from pathlib import Path
from typing import Any

import pytest

from facewire_server.config import Config
from facewire_server.errors import ConfigError
from facewire_server.image.limits import ImageLimits


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
        ({"model_control": "poll"}, "--model-control: not one of none, explicit"),
        (
            {"model_control": "explicit", "workers": 2},
            "--model-control: explicit needs --workers 1",
        ),
        ({"workers": 2, "shared_memory": True}, "--shared-memory: needs --workers 1"),
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
        ({"response_cache_mb": -1}, "--response-cache-mb"),
        ({"response_cache_mb": float("nan")}, "--response-cache-mb"),
        ({"response_cache_mb": float("inf")}, "--response-cache-mb"),
        ({"grace": float("inf")}, "--grace"),
        ({"stall_seconds": -1}, "--stall-seconds"),
        ({"inference_precision": "f64"}, "--inference-precision"),
        ({"tls_cert": Path("c")}, "--tls-cert: needs --tls-key"),
        ({"tls_key": Path("k")}, "--tls-key: needs --tls-cert"),
        ({"tls_client_ca": Path("a")}, "--tls-client-ca: needs --tls-cert"),
        ({"device_properties": ("NUM_STREAMS",)}, "--device-property"),
        ({"precision": "FP8"}, "--precision: not one of FP16, FP32, FP16-INT8"),
        ({"log_level": "loud"}, "--log-level: not one of debug, info, warning, error"),
        ({"log_format": "xml"}, "--log-format: not one of text, json"),
    ],
)
def test_a_setting_out_of_range_names_its_flag(settings: dict[str, Any], flag: str) -> None:
    with pytest.raises(ConfigError, match=flag):
        Config(**settings)
