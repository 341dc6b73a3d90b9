"""The check of queries finds mistakes."""

import pytest

from tests.deploy.queries import exported, mistakes


def test_the_metrics_of_the_public_contract_are_exported() -> None:
    assert (
        exported().items()
        >= {
            "facewire_requests_total": {"method", "model", "code"},
            "facewire_request_seconds_bucket": {"method", "model", "le"},
            "facewire_stage_seconds_sum": {"stage", "model"},
            "facewire_inflight_requests": set(),
            "facewire_queue_depth": set(),
            "facewire_rejected_total": {"reason"},
            "facewire_detections_total": {"model"},
            "facewire_model_info": {"model", "version", "precision", "device"},
            "facewire_inferences_total": {"model"},
            "facewire_workers": set(),
        }.items()
    )


@pytest.mark.parametrize(
    ("query", "mistake"),
    [
        ("rate(facewire_request_total[5m])", "no series facewire_request_total"),
        ("facewire_request_seconds", "no series facewire_request_seconds"),
        (
            'facewire_queue_depth{model="x"}',
            "facewire_queue_depth has no label model",
        ),
        ('facewire_requests_total{code="OKAY"}', "code is never OKAY"),
        ("sum by (le) (facewire_queue_depth)", "no label le to group by"),
    ],
)
def test_a_mistake_is_found(query: str, mistake: str) -> None:
    assert mistakes(query) == [mistake]
