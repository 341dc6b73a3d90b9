"""The warning about a server that is open beyond its machine."""

from pathlib import Path
from typing import Any

import pytest

from facewire_server.config import Config
from facewire_server.security.warning import is_loopback, security_warning

TLS = {"tls_cert": Path("c"), "tls_key": Path("k")}
MUTUAL = {**TLS, "tls_client_ca": Path("a")}
TOKENS = {"token_file": Path("t")}

CERT, TOKEN = "--tls-cert and --tls-key", "--token-file or --tls-client-ca"


@pytest.mark.parametrize(
    ("settings", "missing"),
    [
        ({}, f"{CERT}, and {TOKEN}"),
        (TLS, TOKEN),
        (TOKENS, CERT),
    ],
    ids=["nothing", "TLS", "tokens"],
)
def test_one_line_says_which_protection_is_missing(settings: dict[str, Any], missing: str) -> None:
    text = security_warning(Config(host="0.0.0.0", **settings))
    assert text is not None
    assert text.startswith("open beyond this machine, on 0.0.0.0: ")
    assert text.endswith(f"; missing: {missing}")
    assert ("in clear" in text) == ("tls_cert" not in settings)
    assert ("anyone may call" in text) == ("token_file" not in settings)


@pytest.mark.parametrize("settings", [MUTUAL, {**TLS, **TOKENS}, {**MUTUAL, **TOKENS}])
def test_encryption_with_tokens_or_client_certificates_needs_no_warning(
    settings: dict[str, Any],
) -> None:
    assert security_warning(Config(host="0.0.0.0", **settings)) is None


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "127.1.2.3", "::1", "localhost", "::ffff:127.0.0.1", "unix:/run/x"],
)
def test_a_server_on_loopback_needs_no_warning(host: str) -> None:
    assert is_loopback(host)
    assert security_warning(Config(host=host)) is None


@pytest.mark.parametrize(
    "host", ["0.0.0.0", "::", "10.0.0.1", "128.0.0.1", "::2", "localhost.example", ""]
)
def test_any_other_address_can_be_reached_from_other_machines(host: str) -> None:
    assert not is_loopback(host)
