"""Whatever stands in a policy file, lint tells what is wrong and goes on; a package made of it does, too."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cds_service.authoring.lint import RULES, as_json, as_text, lint
from tests.unit.authoring.sound import Files

JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.sampled_from(["", "x", "%findings", "active", "http://snomed.info/sct", "1|2", "\u0000", "today()"]),
    st.just([]),
    st.just({}),
    st.just([None]),
    st.just([[]]),
    st.just([{}]),
    st.just({"url": 1, "extension": {}}),
    st.just([{"url": "x", "extension": [3]}, 7]),
)


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield (container, key) of every member and item inside a value."""
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, member in list(members):
        yield value, key
        yield from places(member)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_junk_anywhere_in_a_policy_is_told(data: st.DataObject) -> None:
    files = Files()
    for _ in range(data.draw(st.integers(1, 3))):
        chosen = data.draw(st.sampled_from(["plan", "other", "activity", *files.sets]))
        resource = files.sets[chosen] if chosen in files.sets else getattr(files, chosen)
        held = list(places(resource))
        if not held:
            continue
        container, key = held[data.draw(st.integers(0, len(held) - 1))]
        if data.draw(st.booleans()):
            del container[key]
        else:
            container[key] = deepcopy(data.draw(JUNK))
    findings = lint(files.files())
    assert {one.rule for one in findings} <= RULES.keys()
    assert list(as_text(findings))
    assert as_json(findings)


@settings(deadline=None, max_examples=30)
@given(st.text(max_size=60))
def test_any_text_may_stand_for_an_expression(text: str) -> None:
    files = Files()
    files.support("worn", text)
    assert {one.rule for one in lint(files.files())} <= RULES.keys()


@pytest.mark.parametrize("source", [" or ".join(["true"] * 1_000), "%findings" + ".code" * 3_000, "(" * 300])
def test_an_expression_too_large_is_told(source: str) -> None:
    files = Files()
    files.support("worn", source)
    assert "expression-too-large" in {one.rule for one in lint(files.files())}


@settings(deadline=None, max_examples=30)
@given(st.one_of(st.text(max_size=40), st.sampled_from(["- *a", "&a [*a]", "- {rule: [1], reason: x}", "- [[[]]]"])))
def test_any_text_may_stand_for_acceptances(text: str) -> None:
    files = Files()
    files.texts["lint.yaml"] = text
    assert {one.rule for one in lint(files.files())} <= {"acceptance-malformed", "stale-acceptance"}
