"""What the page on operation lists is what there is."""

from __future__ import annotations

import re

from prometheus_client import REGISTRY

from cds_service.api import health
from cds_service.observability import metrics
from cds_service.observability.logs import EVENTS, FIELDS
from cds_service.settings import Settings
from tests.charts import ROOT

TEXT = (ROOT / "docs" / "how_to" / "operate.md").read_text(encoding="utf-8")
QUOTED = set(re.findall(r"`([^`\n]+)`", TEXT))


def test_every_event_and_field_of_the_log_is_on_the_page() -> None:
    assert set(EVENTS) - QUOTED == set()
    assert set(FIELDS) - QUOTED == set()


def test_every_metric_is_on_the_page_with_its_labels() -> None:
    assert metrics.SEVERAL_PROCESSES
    ours = [one for one in REGISTRY.collect() if one.name.startswith("cds_")]
    names = {f"{one.name}_total" if one.type == "counter" else one.name for one in ours}
    assert len(names) >= 13
    assert names - QUOTED == set()
    assert {label for one in ours for sample in one.samples for label in sample.labels} - {"le"} <= QUOTED


def test_every_setting_on_the_page_exists() -> None:
    named = set(re.findall(r"CDS_[A-Z_]+", TEXT)) - {"CDS_SECRETS_DIR"}
    assert named <= {f"CDS_{name}".upper() for name in Settings.model_fields}


def test_every_check_of_readiness_is_on_the_page() -> None:
    assert set(health.Check.__args__) - {"ok"} <= QUOTED
