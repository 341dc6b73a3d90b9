"""The manifests with TLS: the flags name mounted files, and the probes succeed."""

import subprocess
import sys
from pathlib import Path

import pytest

from facewire_server.lifecycle.background import BackgroundServer
from tests.deploy.command_lines import options
from tests.deploy.containerfile import COMMAND
from tests.deploy.files import read_yaml
from tests.server.tls_files import TlsFiles

POD = read_yaml("kubernetes/tls/deployment.yaml")["spec"]["template"]["spec"]
(CONTAINER,) = POD["containers"]
FLAGS = [patch["value"] for patch in read_yaml("kubernetes/tls/flags.yaml")]
SECRETS = {
    "/etc/facewire/tls": {"tls.crt", "tls.key", "ca.crt"},
    "/etc/facewire/tokens": {"tokens"},
}
"""The files of each Secret, as in the commands in kustomization.yaml."""

PROBES = {
    kind: CONTAINER[f"{kind}Probe"]["exec"]["command"]
    for kind in ("startup", "readiness", "liveness")
}


def test_the_flags_are_known_and_name_files_of_the_secrets() -> None:
    chosen = options([*COMMAND, "serve", *FLAGS])
    names = [chosen[name] for name in ("tls_cert", "tls_key", "token_file")]
    assert all(name.name in SECRETS[str(name.parent)] for name in names)


def test_secrets_are_mounted_for_the_group_and_for_reading() -> None:
    mounts = {each["mountPath"]: each for each in CONTAINER["volumeMounts"]}
    assert mounts.keys() == SECRETS.keys()
    volumes = {each["name"]: each["secret"] for each in POD["volumes"]}
    for mount in mounts.values():
        assert mount["readOnly"] is True
        assert "subPath" not in mount
        assert volumes[mount["name"]]["defaultMode"] == 0o440


@pytest.mark.parametrize("kind", PROBES)
def test_a_probe_gets_through(kind: str, tmp_path: Path) -> None:
    files = TlsFiles(tmp_path)
    ours = "--root-certificates=/etc/facewire/tls/ca.crt"
    assert ours.rpartition("/")[2] in SECRETS["/etc/facewire/tls"]
    with BackgroundServer(files.config()) as server:
        places = {
            "--server=localhost:50051": f"--server={server.target}",
            ours: f"--root-certificates={files.client_ca}",
        }
        words = [places.pop(word, word) for word in PROBES[kind][1:]]
        assert not places
        done = subprocess.run(
            [sys.executable, "-m", "facewire_client", *words],
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert (done.returncode, done.stdout) == (0, "SERVING\n"), done.stderr
