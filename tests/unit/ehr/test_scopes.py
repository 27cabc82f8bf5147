"""Which types an access covers in part only, as SMART 1 and SMART 2 write it."""

from __future__ import annotations

import pytest

from cds_service.ehr.scopes import covers_in_part

WHOLE = [
    None,
    "",
    "launch openid fhirUser",
    "user/Observation.read",
    "patient/*.read",
    "system/*.*",
    "user/Observation.rs",
    "user/Observation.cruds",
    "user/Observation.s user/Observation.rs?category=laboratory",
    "patient/*.rs user/Observation.rs?category=laboratory",
    "user/Condition.rs?category=problem-list-item",  # of another type: the server says what of this one
    "user/Observation.r?category=laboratory",  # reads, not searches
    "user/Observation.write",
    "observation/anything",
    "user/Observation.rs ?category=laboratory",
]
PART = [
    "user/Observation.rs?category=laboratory",
    "patient/Observation.cruds?category=http://example.org|laboratory",
    "openid user/Observation.rs?category=laboratory user/Observation.rs?category=vital-signs",
    "user/*.rs?_tag=shared",
    "user/Observation.r user/Observation.s?category=laboratory",
]


@pytest.mark.requirement("F4")
@pytest.mark.parametrize("scopes", WHOLE, ids=repr)
def test_an_access_without_conditions_is_taken_as_it_is(scopes: str | None) -> None:
    assert not covers_in_part(scopes, "Observation")


@pytest.mark.requirement("F4")
@pytest.mark.parametrize("scopes", PART, ids=repr)
def test_an_access_with_conditions_covers_a_part(scopes: str) -> None:
    assert covers_in_part(scopes, "Observation")
