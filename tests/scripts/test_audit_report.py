"""The output and exit code of `scripts/audit` for reports of pip-audit."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "audit_report.py"
CLEAN = {"name": "clean", "version": "1", "vulns": []}
UNKNOWN = {"name": "unknown", "skip_reason": "not there"}
BAD = {
    "name": "bad",
    "version": "1",
    "vulns": [{"id": "CVE-1", "fix_versions": ["2", "3"]}],
}


@pytest.mark.parametrize(
    ("packages", "status", "lines"),
    [
        ([CLEAN], 0, ["x: 0 known vulnerabilities in 1 packages"]),
        ([UNKNOWN], 0, ["x: audit skipped for 1 packages: the service lacks them"]),
        (
            [BAD, CLEAN, UNKNOWN],
            1,
            [
                "bad 1: CVE-1; cured in 2, 3",
                "x: audit skipped for 1 packages: the service lacks them",
                "x: 1 known vulnerabilities in 2 packages",
            ],
        ),
    ],
)
def test_a_known_vulnerability_fails_and_what_was_not_asked_is_said(
    packages: list[dict[str, object]], status: int, lines: list[str]
) -> None:
    done = audit_report(json.dumps({"dependencies": packages}))
    assert (done.returncode, done.stdout.splitlines()) == (status, lines)


@pytest.mark.parametrize("report", ["", "Traceback"])
def test_a_service_that_does_not_answer_is_no_clean_bill(report: str) -> None:
    done = audit_report(report)
    assert done.returncode == 0
    assert "audit skipped" in done.stdout
    assert "vulnerabilities" not in done.stdout


def audit_report(report: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, SCRIPT, "x"],
        check=False,
        input=report,
        capture_output=True,
        text=True,
        timeout=30,
    )
