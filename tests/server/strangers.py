"""Processes of a user whom the machine does not know, as OpenShift runs containers."""

import os
import shutil

import pytest

UID = 12345


def as_stranger(command: list[str]) -> list[str]:
    """The command that runs another one as an unknown user, or skips the test.

    It may read everything, since Python itself may lie where only root gets to.
    """
    setpriv = shutil.which("setpriv")
    if os.geteuid() != 0 or setpriv is None:
        pytest.skip("needs root and setpriv, to be another user")
    identity = (f"--reuid={UID}", f"--regid={UID}", "--clear-groups")
    reading = ("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search")
    return [setpriv, *identity, *reading, *command]
