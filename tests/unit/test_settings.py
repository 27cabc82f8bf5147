"""Settings: what no card could be made of is refused as the service starts, not at the bedside."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from cds_service.settings import Settings


@pytest.mark.parametrize(
    "setting",
    [
        {"organization": ""},
        {"public_base_url": ""},
        {"public_base_url": "cds.example.org"},
        {"public_base_url": "https://cds example"},
        {"public_base_url": "https://cds.example.org/?from=here"},
        {"public_base_url": "https://["},
        {"payer_contact": ""},
        {"payer_contact": "the front desk"},
        {"allowed_origins": ("https://ehr.example.org/",)},
    ],
)
def test_a_setting_that_no_answer_could_be_made_with_is_refused(setting: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Settings(**setting)


@pytest.mark.parametrize(
    "setting",
    [
        {"public_base_url": "https://cds.example.org/necessity/"},
        {"public_base_url": "http://[::1]:8000"},
        {"payer_contact": "tel:+1-555-0100"},
        {"allowed_origins": ("https://ehr.example.org:8443", "*")},
    ],
)
def test_a_setting_with_which_the_service_works_is_taken(setting: dict[str, Any]) -> None:
    ((name, value),) = setting.items()
    assert getattr(Settings(**setting), name) == value
