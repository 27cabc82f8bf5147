from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from cds_service import __version__
from cds_service.fhir.encoding import encode
from cds_service.fhir.temporal import Date
from cds_service.necessity.report import determinations_report
from cds_service.services.evaluation import evaluate, exchange_of
from tests.made_up import BASE, ORDERS, PATIENT, bundle, finding, made_up_policies, order

ROOT = Path(__file__).parents[3]


def report(*orders: dict[str, Any], chart: tuple[dict[str, Any], ...] = (finding(),), **more: Any) -> dict[str, Any]:
    exchange = exchange_of("p1", bundle(*orders), {"chart": bundle(PATIENT, *chart)})
    found = evaluate(exchange, made_up_policies(), received=Date((2026, 2, 1)), **more)
    return determinations_report(found.determinations, as_of=found.as_of, not_covered=found.not_covered)


def test_a_report_says_everything_that_was_determined():
    made = report(order(), order("o9", "paint"), chart=(finding("intact"),))
    (one,) = made["determinations"]
    assert made == {
        "asOf": "2026-01-15",
        "engine": __version__,
        "determinations": [
            {
                "id": one["id"],
                "order": {
                    "reference": "ServiceRequest/o1",
                    "path": "ServiceRequest/o1.code.coding[0]",
                    "system": ORDERS,
                    "code": "replace",
                },
                "policy": {
                    "canonical": f"{BASE}/PlanDefinition/widget",
                    "version": "0.1.0",
                    "hash": one["policy"]["hash"],
                    "status": "draft",
                    "experimental": False,
                    "reviewStage": None,
                    "approvalDate": None,
                    "lastReviewDate": None,
                    "effectivePeriod": {"start": None, "end": None},
                },
                "outcome": "not-met",
                "kind": "clinical",
                "humanReview": True,
                "criteria": [
                    {
                        "id": "broken",
                        "parent": None,
                        "role": "required",
                        "state": "false",
                        "reason": None,
                        "evidence": [
                            {
                                "path": "Observation/f1.value",
                                "value": "intact",
                                "date": "2026-01-10",
                                "status": "final",
                            }
                        ],
                        "problem": None,
                        "missing": None,
                        "lookedAt": [],
                    },
                    {
                        "id": "seen",
                        "parent": None,
                        "role": "supporting",
                        "state": "true",
                        "reason": None,
                        "evidence": [
                            {"path": "Observation/f1", "value": "intact", "date": "2026-01-10", "status": "final"}
                        ],
                        "problem": None,
                        "missing": None,
                        "lookedAt": [],
                    },
                ],
                "conditions": [],
                "cautions": [],
                "asOf": "2026-01-15",
                "problem": None,
                "duplicates": [],
                "refusal": {
                    "rule": "active",
                    "reason": "the policy is draft, not active",
                    "remedy": "have it reviewed and approved, then set `status` to `active`.",
                },
                "settle": {
                    "met": [],
                    "notMet": [[]],
                    "complete": True,
                    "count": {"met": 0, "notMet": 1},
                },
                "decisive": ["broken"],
                "carriedBy": [],
            }
        ],
        "notCovered": [{"reference": "ServiceRequest/o9", "code": "paint"}],
        "unread": [],
    }


def test_an_unknown_criterion_has_its_reason_and_says_what_is_missing():
    (one,) = report(order(), chart=())["determinations"]
    broken = one["criteria"][0]
    assert (one["outcome"], one["kind"], one["humanReview"]) == ("information-missing", None, False)
    assert (broken["state"], broken["reason"]) == ("unknown", "absent")
    assert broken["missing"] == "State whether the widget is broken."


def test_what_would_settle_it_is_told() -> None:
    (one,) = report(order(), chart=())["determinations"]
    assert one["settle"] == {
        "met": [[{"criterion": "broken", "state": "true"}]],
        "notMet": [[{"criterion": "broken", "state": "false"}]],
        "complete": True,
        "count": {"met": 1, "notMet": 1},
    }
    assert (one["decisive"], one["carriedBy"]) == ([], [])


def test_a_known_criterion_has_nothing_missing():
    (one,) = report(order())["determinations"]
    assert (one["outcome"], one["kind"]) == ("met", None)
    assert one["criteria"][0]["missing"] is None


def test_a_refused_policy_says_why_and_has_no_criteria():
    (one,) = report(order(), production=True)["determinations"]
    assert one["outcome"] == "not-evaluated"
    assert one["criteria"] == []
    assert one["problem"].startswith("the policy is draft, not active (policy https://example.org/")
    assert one["refusal"]["rule"] == "active"
    assert (one["settle"], one["decisive"]) == (None, [])


def test_an_order_given_twice_is_listed_as_a_duplicate():
    (one,) = report(order("o1"), order("o2"))["determinations"]
    assert one["duplicates"] == ["ServiceRequest/o2"]


def test_the_reference_date_is_told_for_all_and_for_each():
    made = report(order("o1", authoredOn="2026-01-12"), order("o2", "refit"))
    assert made["asOf"] == "2026-01-15"
    assert [one["asOf"] for one in made["determinations"]] == ["2026-01-12", "2026-01-15"]


def test_every_member_is_documented() -> None:
    """A member's name stands in code marks; what lies below `order`, `policy` and `settle` is told with it."""
    page = (ROOT / "docs/reference/determinations.md").read_text(encoding="utf-8")

    def names(value: object) -> set[str]:
        if isinstance(value, dict):
            return set(value).union(*map(names, value.values()))
        return set().union(*map(names, value)) if isinstance(value, list) else set()

    written = set(re.findall(r'[`"](\w+)(?:\[\])?[`"]', page))
    told = [report(order(), order("o9", "paint"), chart=chart) for chart in ((finding("intact"),), (finding("bent"),))]
    assert names(told) <= written


def test_a_report_is_plain_json():
    made = report(order(), order("o9", "paint"))
    assert json.loads(encode(made)) == made


def test_an_order_without_a_code_is_not_covered_under_no_code():
    assert report(order(code={"text": "a widget"}))["notCovered"] == [{"reference": "ServiceRequest/o1", "code": None}]
