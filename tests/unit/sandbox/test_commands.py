"""What `cds-service sandbox` does in a terminal."""

from __future__ import annotations

import json

import pytest

from cds_service.cli import run
from cds_service.sandbox.commands import sandbox


def told(capfd: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = run(["sandbox", *arguments], create_app=lambda _: None, more={"sandbox": sandbox})
    captured = capfd.readouterr()
    return code, captured.out, captured.err


def test_the_patients_are_listed_with_their_outcomes(capfd: pytest.CaptureFixture[str]) -> None:
    code, out, _ = told(capfd, "list", "--format", "json")
    listed = {one["id"]: one["expected"] for one in json.loads(out)}
    assert code == 0
    assert listed["spine-seed"] == {"63102": "met", "22854": "met", "22849": "not-met"}
    assert "spine-seed" in told(capfd, "list")[1]


def test_an_order_is_signed_without_a_browser(capfd: pytest.CaptureFixture[str]) -> None:
    code, out, _ = told(capfd, "run", "spine-seed", "22849")
    assert code == 0
    assert "not independently indicated" in out
    assert "63102" not in out.splitlines()[0]
    assert "Not read" not in out


def test_no_card_is_no_clearance(capfd: pytest.CaptureFixture[str]) -> None:
    code, out, err = told(capfd, "run", "no-policy")
    assert (code, out.strip()) == (0, "no cards")
    assert "says nothing about its necessity" in err


def test_a_patient_who_is_not_there_is_wrong_usage(capfd: pytest.CaptureFixture[str]) -> None:
    code, _, err = told(capfd, "run", "nobody")
    assert code == 2
    assert "sandbox list" in err


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "ehr.example"])  # noqa: S104 - it is refused
def test_an_address_that_others_reach_is_refused(capfd: pytest.CaptureFixture[str], host: str) -> None:
    code, _, err = told(capfd, "--host", host)
    assert code == 2
    assert "--reachable-by-others" in err


def test_a_sandbox_that_does_not_run_is_told(capfd: pytest.CaptureFixture[str]) -> None:
    code, _, err = told(capfd, "tail", "--once", "--of", "http://127.0.0.1:9")
    assert code == 1
    assert "is no sandbox that answers" in err
