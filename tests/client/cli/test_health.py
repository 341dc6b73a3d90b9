"""`facewire health` against a real server."""

from tests.client.cli.conftest import Run


def test_health_is_one_word_and_the_exit_status(run: Run) -> None:
    result = run("health")
    assert (result.exit_code, result.stdout) == (0, "SERVING\n")
    assert run("health", "facewire.v1.DetectService").exit_code == 0
    assert run("health", "--model", "face-detection-nano").exit_code == 0
    assert run("health", "--model", "absent").exit_code == 1


def test_a_service_and_a_model_are_wrong_usage(run: Run) -> None:
    assert run("health", "facewire.v1.DetectService", "--model", "x").exit_code == 2
