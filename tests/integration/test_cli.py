from __future__ import annotations

import asyncio
import io
import json
import os
import pty
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from cds_service import __version__
from cds_service.api.app import create_app
from cds_service.cli import run
from cds_service.settings import Settings
from cds_service.wiring import Application, load_policies
from tests.made_up import GROUP, PATIENT, PLAN, bundle, finding, order, request, write_policy

CANARY = "canary-of-jane-roe"
HEAVY = ["fastapi", "fhir", "httpx", "msgspec", "pydantic", "starlette", "uvicorn", "yaml"]


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: bytes
    err: str

    @property
    def text(self) -> str:
        return self.out.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Cli = Callable[..., Ended]


@pytest.fixture(scope="module")
def policies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A policy made up in a temporary folder: that is all it takes to have one more."""
    return write_policy(tmp_path_factory.mktemp("policies"))


@pytest.fixture
def cli(policies: Path, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]) -> Cli:
    for name in [name for name in os.environ if name.startswith("CDS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("CDS_POLICIES", str(policies))

    def called(*arguments: object, stdin: bytes | None = None) -> Ended:
        if stdin is not None:
            monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        code = run([str(one) for one in arguments], create_app=create_app)
        captured = capsysbinary.readouterr()
        return Ended(code, captured.out, captured.err.decode())

    return called


@pytest.fixture
def write(tmp_path: Path) -> Callable[[object], Path]:
    def written(value: object, name: str = "input.json") -> Path:
        place = tmp_path / name
        place.write_bytes(value if isinstance(value, bytes) else json.dumps(value).encode())
        return place

    return written


Write = Callable[..., Path]


def served(policies: Path, path: str, body: bytes) -> bytes:
    """Return what the service answers over HTTP."""

    async def sent() -> httpx.Response:
        app = create_app(Application(Settings(policies=policies), load_policies(policies)))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service") as client:
            return await client.post(path, content=body)

    response = asyncio.run(sent())
    assert response.status_code == 200
    return response.content


def assert_one_line(err: str) -> None:
    assert re.fullmatch(r"cds-service: [^\n]+\n", err)
    assert "Traceback" not in err


# -- evaluate -------------------------------------------------------------------------------------------------


def test_cards_are_byte_by_byte_what_the_service_answers(cli: Cli, write: Write, policies: Path):
    body = json.dumps(request(order("o1"), order("o2", "refit"), order("o3", "paint"))).encode()
    ended = cli("evaluate", write(body))
    assert ended.code == 0
    assert ended.out == served(policies, "/cds-services/necessity-order-sign", body)


def test_an_order_select_request_is_known_by_its_hook(cli: Cli, write: Write, policies: Path):
    message = request(order("o1"), order("o2", "refit")) | {"hook": "order-select"}
    message["context"]["selections"] = ["ServiceRequest/o2"]
    body = json.dumps(message).encode()
    ended = cli("evaluate", write(body))
    assert ended.out == served(policies, "/cds-services/necessity-order-select", body)
    assert b"ServiceRequest/o1" not in ended.out


def test_a_request_that_names_no_hook_is_known_by_its_context(cli: Cli, write: Write):
    message = request(order("o1"), order("o2", "refit"))
    del message["hook"]
    assert b"ServiceRequest/o1" in cli("evaluate", write(message)).out
    message["context"]["selections"] = ["ServiceRequest/o2"]
    assert b"ServiceRequest/o1" not in cli("evaluate", write(message)).out


def test_a_bundle_gets_the_cards_of_the_request_with_the_same_content(cli: Cli, write: Write):
    expected = cli("evaluate", write(request())).out
    for kind in ("collection", "transaction", "batch", "searchset"):
        assert cli("evaluate", write(bundle(PATIENT, order(), finding(), kind=kind))).out == expected


def test_orders_beside_a_chart_get_the_same_cards(cli: Cli, write: Write):
    expected = cli("evaluate", write(request())).out
    place, chart = write(order(), "order.json"), write(bundle(PATIENT, finding()), "chart.json")
    assert cli("evaluate", "--order", place, "--chart", chart).out == expected


def test_several_orders_may_be_given(cli: Cli, write: Write):
    orders = write(order(), "1.json"), write(bundle(order("o2", "refit")), "2.json")
    chart = write(bundle(PATIENT, finding()), "chart.json")
    ended = cli("evaluate", "--order", orders[0], "--order", orders[1], "--chart", chart, "--format", "determinations")
    assert [one["order"]["code"] for one in ended.json["determinations"]] == ["replace", "refit"]


def test_the_input_may_come_by_stdin(cli: Cli, write: Write):
    body = json.dumps(request()).encode()
    assert cli("evaluate", "-", stdin=body).out == cli("evaluate", write(body)).out


def test_determinations_are_told_as_json(cli: Cli, write: Write):
    made = cli("evaluate", write(request(order(), order("o9", "paint"))), "--format", "determinations").json
    assert made.keys() == {"asOf", "engine", "determinations", "notCovered", "unread"}
    assert [one["outcome"] for one in made["determinations"]] == ["met"]
    assert made["notCovered"] == [{"reference": "ServiceRequest/o9", "code": "paint"}]


def test_text_is_for_readers(cli: Cli, write: Write):
    ended = cli("evaluate", write(request(order(), order("o2", "refit"), order("o9", "paint"))), "--format", "text")
    first, second, third = ended.text.split("\n\n")
    assert first.startswith("MET: replace widget replacement\n")
    assert second.startswith("MET: refit widget replacement\n")
    assert third == "paint: not covered - no policy decides on this code\n"


def test_text_says_what_could_not_be_read(cli: Cli, write: Write):
    message = request()
    message["prefetch"]["a\x1b[31mb"] = {"resourceType": "OperationOutcome"}
    assert cli("evaluate", write(message), "--format", "text").text.endswith(
        "\n\nnot read: prefetch.ab, the search failed\n"
    )


def test_the_reference_date_may_be_set(cli: Cli, write: Write):
    """The finding is of the 10th: on the 9th it lies ahead."""
    place = write(request())
    on = cli("evaluate", place, "--format", "determinations", "--as-of", "2026-01-09").json
    assert on["asOf"] == "2026-01-09"
    assert [one["outcome"] for one in on["determinations"]] == ["information-missing"]


def test_the_patient_may_be_named(cli: Cli, write: Write):
    other = {"resourceType": "Patient", "id": "p2"}
    place = write(bundle(PATIENT, other, order(), order("o2", subject={"reference": "Patient/p2"}), finding()))
    assert cli("evaluate", place).code == 3
    made = cli("evaluate", place, "--patient", "p2", "--format", "determinations").json
    assert [one["order"]["reference"] for one in made["determinations"]] == ["ServiceRequest/o2"]


def test_production_lets_no_draft_decide(cli: Cli, write: Write, monkeypatch: pytest.MonkeyPatch):
    place = write(request())
    expected = cli("evaluate", place, "--mode", "production").out
    assert b"not evaluated" in expected
    monkeypatch.setenv("CDS_MODE", "production")
    assert cli("evaluate", place).out == expected


def test_pretty_output_says_the_same(cli: Cli, write: Write):
    place = write(request())
    plain, pretty = cli("evaluate", place), cli("evaluate", place, "--pretty")
    assert pretty.json == plain.json
    assert pretty.text.startswith('{\n  "cards": [\n')


def test_another_folder_of_policies_may_be_chosen(cli: Cli, write: Write, tmp_path: Path):
    plan = json.loads(json.dumps(PLAN).replace("Replacing a widget", "Widgets, once more"))
    folder = write_policy(tmp_path / "others", plan)
    assert b"Widgets, once more" in cli("evaluate", write(request()), "--policies", folder).out


def test_orders_that_no_policy_covers_are_an_answer(cli: Cli, write: Write):
    ended = cli("evaluate", write(request(order(coded="paint"))))
    assert (ended.code, ended.out, ended.err) == (0, b'{"cards":[]}', "")


# -- explain --------------------------------------------------------------------------------------------------


def test_all_determinations_are_explained(cli: Cli, write: Write):
    place = write(request(order(), order("o2", "refit")))
    assert cli("explain", place).out == cli("evaluate", place, "--format", "text").out


def test_one_code_is_explained(cli: Cli, write: Write):
    text = cli("explain", write(request(order(), order("o2", "refit"), order("o9", "paint"))), "--code", "refit").text
    assert text.startswith("MET: refit")
    assert "replace" not in text.replace("replacement", "")
    assert "paint" not in text


def test_a_code_without_a_determination_cannot_be_explained(cli: Cli, write: Write):
    ended = cli("explain", write(request()), "--code", "paint")
    assert (ended.code, ended.out) == (5, b"")
    assert_one_line(ended.err)


# -- what goes wrong ------------------------------------------------------------------------------------------

USAGE: dict[str, tuple[list[str], str]] = {
    "no input": (["evaluate"], "give a FILE"),
    "two inputs": (["evaluate", "a.json", "--order", "b.json", "--chart", "c.json"], "give a FILE"),
    "an order without a chart": (["evaluate", "--order", "a.json"], "--chart"),
    "a chart without an order": (["evaluate", "--chart", "a.json"], "--order"),
    "stdin twice": (["evaluate", "--order", "-", "--chart", "-"], "once"),
    "a date that is none": (["evaluate", "a.json", "--as-of", "tomorrow"], "--as-of"),
    "a date without a day": (["evaluate", "a.json", "--as-of", "2026-01"], "2026-01-15"),
    "an unknown format": (["evaluate", "a.json", "--format", "xml"], "'determinations'"),
    "an unknown mode": (["evaluate", "a.json", "--mode", "test"], "'production'"),
    "an unknown option": (["evaluate", "a.json", "--fast"], "--fast"),
    "an unknown command": (["guess"], "--help"),
    "nothing to explain": (["explain"], "FILE"),
    "nothing to validate": (["validate"], "FILE"),
    "no mode to serve in": (["serve"], "CDS_MODE"),
    "a port that is none": (["serve", "--mode", "sandbox", "--port", "70000"], "65535"),
    "a host that is none": (["serve", "--mode", "sandbox", "--host", "256.1.1.1"], "--host"),
}
INPUT: dict[str, tuple[object, str]] = {
    "not JSON": (CANARY.encode(), "not valid JSON"),
    "not UTF-8": (b'{"a": "\xff"}', "not valid JSON"),
    "too deep": (b"[" * 65 + b"]" * 65, "deeper"),
    "no object": ([CANARY], "resourceType"),
    "neither request nor resource": ({"note": CANARY}, "resourceType"),
    "a member twice": (b'{"resourceType": "Bundle", "a": "' + CANARY.encode() + b'", "a": 2}', "twice"),
    "no patientId": ({"context": {"note": CANARY, "draftOrders": bundle(order())}}, "context.patientId"),
    "a hook that is not answered": (request() | {"hook": CANARY}, "`order-sign`, `order-select`"),
    "a hook that is no text": (request() | {"hook": [CANARY]}, "hook"),
    "an unclear patient": (bundle(order(subject={"display": CANARY})), "--patient"),
}
NOTHING: dict[str, object] = {
    "a request without orders": request() | {"context": {"patientId": "p1", "draftOrders": bundle()}},
    "a request with other drafts": request(finding(CANARY)),
    "a Bundle without drafts": bundle(PATIENT, finding(CANARY), order(status="active")),
    "a resource that is no order": finding(CANARY),
}


@pytest.mark.parametrize("name", USAGE)
def test_wrong_usage_ends_with_2(cli: Cli, name: str):
    arguments, told = USAGE[name]
    ended = cli(*arguments)
    assert (ended.code, ended.out) == (2, b"")
    assert_one_line(ended.err)
    assert told in ended.err


@pytest.mark.parametrize("name", INPUT)
def test_bad_input_ends_with_3_and_names_the_file(cli: Cli, write: Write, name: str):
    value, told = INPUT[name]
    ended = cli("evaluate", write(value))
    assert (ended.code, ended.out) == (3, b"")
    assert_one_line(ended.err)
    assert "input.json: " in ended.err
    assert told in ended.err
    assert CANARY not in ended.err


def test_a_file_that_is_not_there_ends_with_3(cli: Cli):
    ended = cli("evaluate", "nowhere.json")
    assert ended == Ended(3, b"", "cds-service: nowhere.json: cannot be read: No such file or directory\n")


@pytest.mark.parametrize("name", NOTHING)
def test_nothing_to_evaluate_ends_with_5(cli: Cli, write: Write, name: str):
    ended = cli("evaluate", write(NOTHING[name]))
    assert (ended.code, ended.out) == (5, b"")
    assert_one_line(ended.err)
    assert CANARY not in ended.err


def test_a_fault_in_a_policy_ends_with_4_and_says_where(cli: Cli, write: Write, tmp_path: Path):
    plan = json.loads(json.dumps(PLAN).replace("%findings.exists()", "%findins.exists()"))
    ended = cli("evaluate", write(request()), "--policies", write_policy(tmp_path / "faulty", plan))
    assert (ended.code, ended.out) == (4, b"")
    assert_one_line(ended.err)
    assert "https://example.org/fhir/PlanDefinition/widget|0.1.0" in ended.err
    assert "PlanDefinition.action[0].action[1] (seen).condition[0]" in ended.err
    assert "at character " in ended.err


@pytest.mark.parametrize("folder", ["nowhere", "."])
def test_a_folder_without_policies_ends_with_4(cli: Cli, write: Write, tmp_path: Path, folder: str):
    (tmp_path / "empty").mkdir()
    ended = cli("evaluate", write(request()), "--policies", tmp_path / "empty" / folder)
    assert ended.code == 4
    assert_one_line(ended.err)


@pytest.mark.parametrize(("name", "value"), [("CDS_MODE", "test"), ("CDS_MAX_BODY_BYTES", "0")])
def test_a_wrong_setting_is_named(cli: Cli, write: Write, monkeypatch: pytest.MonkeyPatch, name: str, value: str):
    monkeypatch.setenv(name, value)
    ended = cli("evaluate", write(request()))
    assert ended.code == 2
    assert_one_line(ended.err)
    assert f"{name}: " in ended.err


def test_a_list_setting_is_json(cli: Cli, write: Write, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CDS_ALLOWED_ORIGINS", "https://ehr.example.org")
    ended = cli("evaluate", write(request()))
    assert ended.code == 2
    assert_one_line(ended.err)
    assert "CDS_ALLOWED_ORIGINS" in ended.err


def test_an_unforeseen_error_ends_with_1_and_says_nothing_of_the_chart(
    cli: Cli, write: Write, monkeypatch: pytest.MonkeyPatch
):
    def fails(*_: object, **__: object) -> bytes:
        raise ValueError(CANARY)

    monkeypatch.setattr(Application, "respond", fails)
    ended = cli("evaluate", write(request()))
    assert (ended.code, ended.out) == (1, b"")
    assert_one_line(ended.err)
    assert "ValueError at test_cli.py:" in ended.err
    assert CANARY not in ended.err


# -- fhirpath -------------------------------------------------------------------------------------------------


def test_an_expression_is_answered_an_item_a_line(cli: Cli, write: Write):
    chart = write(bundle(PATIENT, finding("broken"), finding("intact", id="f2")))
    ended = cli("fhirpath", "entry.resource.ofType(Observation).value", chart)
    assert (ended.code, ended.text, ended.err) == (0, '"broken"\n"intact"\n', "")
    assert (
        cli("fhirpath", "entry.resource.ofType(Observation).count() | @2026 | 5 'mg'", chart).text
        == "2\n@2026\n5 'mg'\n"
    )
    assert cli("fhirpath", "entry.resource.ofType(Condition)", chart) == Ended(0, b"", "")


def test_a_trace_tells_places_evidence_and_what_was_looked_at(cli: Cli, write: Write):
    chart = write(bundle(PATIENT, finding("broken"), finding("intact", id="f2")))
    told = cli("fhirpath", "entry.resource.ofType(Observation).where(value = 'broken').exists()", chart, "--trace").text
    assert "answer: 1 item, System.Boolean\n  true\n" in told
    assert "rests on\n  Observation/f1\n" in told
    assert "looked at, and what did not hold\n  Observation/f2: value = 'broken'\n" in told
    assert "  Observation.value = broken\n" in told


def test_what_is_traced_is_shown_under_its_name(cli: Cli, write: Write):
    told = cli("fhirpath", "gender.trace('sex').length()", write({**PATIENT, "gender": "other"}), "--trace").text
    assert 'traced\n  sex: "other"\n' in told


def test_the_reference_date_of_an_expression_may_be_set(cli: Cli, write: Write):
    assert cli("fhirpath", "today()", write(PATIENT), "--as-of", "2026-01-15").text == "@2026-01-15\n"


def test_value_sets_are_those_of_the_policies(cli: Cli, write: Write):
    known = f"'{PLAN['url'].rpartition('/PlanDefinition/')[0]}/ValueSet/nothing'"
    ended = cli("fhirpath", f"name.first().use.memberOf({known})", write({**PATIENT, "name": [{"use": "usual"}]}))
    assert (ended.code, ended.err) == (3, f"cds-service: {ended.err.split(' ')[1]} a value set is not loaded\n")


@pytest.mark.parametrize(
    ("expression", "code", "words"),
    [
        ("nme", 4, "`Patient` has no element `nme`; did you mean `name`?; at character 0"),
        ("name.where(", 4, "an expression is missing"),
        ("name + 1", 3, "`+` needs one item, there are 2"),
        ("1.repeat($this + 1)", 3, "items"),
    ],
)
def test_what_is_wrong_with_an_expression_is_told(cli: Cli, write: Write, expression: str, code: int, words: str):
    ended = cli("fhirpath", expression, write({**PATIENT, "name": [{"family": CANARY}, {"family": CANARY}]}))
    assert ended.code == code
    assert words in ended.err
    assert CANARY not in ended.err
    assert_one_line(ended.err)


def test_a_resource_of_unknown_type_is_looked_up_unless_strict(cli: Cli, write: Write):
    chart = write(bundle(PATIENT, finding()))
    assert cli("fhirpath", "entry.resource.status", chart).text == '"final"\n'
    assert cli("fhirpath", "entry.resource.status", chart, "--strict").code == 4


# -- policies -------------------------------------------------------------------------------------------------


def test_policies_are_listed(cli: Cli):
    ended = cli("policies", "list", "--as-of", "2026-01-15")
    assert ended.text.startswith(f"{PLAN['url']}|0.1.0\n")
    assert ended.text.endswith("  production on 2026-01-15: no, the policy is draft, not active (rule `active`)\n")
    assert (ended.code, ended.err) == (0, "")
    (one,) = json.loads(cli("policies", "list", "--as-of", "2026-01-15", "--format", "json").out)
    assert (one["canonical"], one["decides"]) == (PLAN["url"], False)


@pytest.mark.parametrize(
    ("form", "start"),
    [("text", "DRAFT - NOT FOR CLINICAL USE"), ("markdown", "# Replacing a widget\n"), ("html", "<!DOCTYPE html>\n")],
)
def test_a_policy_is_shown_in_words(cli: Cli, form: str, start: str):
    ended = cli("policies", "show", "widget", "--format", form)
    assert (ended.code, ended.err) == (0, "")
    assert ended.text.startswith(start)
    assert "The widget is broken" in ended.text


def test_a_policy_that_is_not_there_cannot_be_shown(cli: Cli):
    ended = cli("policies", "show", "gadget")
    assert (ended.code, ended.out) == (2, b"")
    assert "no policy is called `gadget`" in ended.err


@pytest.fixture
def later(tmp_path: Path) -> Path:
    """Return a later release of the made-up policy: the same, by another title."""
    return write_policy(tmp_path / "later", {**PLAN, "title": "Widgets, once more", "version": "0.2.0"})


@pytest.mark.parametrize(
    ("form", "start"),
    [("text", "Policies compared\n"), ("markdown", "# Policies compared\n"), ("html", "<!DOCTYPE html>")],
)
def test_releases_are_compared_in_words(cli: Cli, policies: Path, later: Path, form: str, start: str):
    ended = cli("policies", "diff", policies, later, "--no-cases", "--format", form)
    assert (ended.code, ended.err) == (0, "")
    assert ended.text.startswith(start)
    assert "Replacing a widget → Widgets, once more" in ended.text


def test_releases_are_compared_as_json(cli: Cli, policies: Path, later: Path):
    told = cli("policies", "diff", policies, later, "--no-cases", "--format", "json").json
    assert [one["after"]["version"] for one in told["policies"]] == ["0.2.0"]
    assert told["cases"] is None


def test_cases_are_run_in_both_releases(cli: Cli, policies: Path, later: Path, tmp_path: Path):
    charts = tmp_path / "charts"
    (charts / "patients").mkdir(parents=True)
    (charts / "cds_hooks").mkdir()
    (charts / "patients/widget-b.json").write_text(json.dumps(bundle(PATIENT, finding())))
    (charts / "cds_hooks/widget-order-sign.json").write_text(json.dumps(request()))
    case = "- {id: W-1, title: broken, base: widget, shapes: [b], orders: [replace], expect: {replace: {outcome: met}}}"
    (later / GROUP / "cases.yaml").write_text(case)
    ended = cli("policies", "diff", policies, later, "--fixtures", charts, "--format", "json")
    assert ended.json["cases"] == {"run": 1, "changes": [], "failed": []}


def test_cases_without_charts_are_told(cli: Cli, policies: Path, later: Path, tmp_path: Path):
    ended = cli("policies", "diff", policies, later, "--fixtures", tmp_path / "nowhere")
    assert (ended.code, ended.out) == (2, b"")
    assert "--no-cases" in ended.err


def test_a_release_that_is_not_there_cannot_be_compared(cli: Cli, policies: Path, tmp_path: Path):
    assert cli("policies", "diff", policies, tmp_path / "nowhere", "--no-cases").code == 4


def test_policies_alone_shows_what_there_is(cli: Cli):
    ended = cli("policies")
    assert "list" in ended.text
    assert "Usage: cds-service policies" in ended.text


# -- validate -------------------------------------------------------------------------------------------------


def test_valid_files_are_ok(cli: Cli, write: Write):
    one, other = write(bundle(PATIENT, finding()), "1.json"), write(PLAN, "2.json")
    assert cli("validate", one, other) == Ended(0, f"{one}: ok\n{other}: ok\n".encode(), "")


def test_issues_are_told_per_file_and_end_with_3(cli: Cli, write: Write):
    bad, good = write({**PATIENT, "nick": CANARY, "birthDate": CANARY}, "1.json"), write(PATIENT, "2.json")
    ended = cli("validate", bad, good)
    assert ended.code == 3
    assert ended.text.splitlines() == [
        f"{bad}: Patient.nick: is not an element of R4 here",
        f"{bad}: Patient.birthDate: is not a value of its type",
        f"{good}: ok",
    ]


@pytest.mark.parametrize("value", [b"nope", b'{"resourceType": "Patient", "id": "a", "id": "b"}', [], {"id": "a"}])
def test_what_is_no_resource_is_invalid(cli: Cli, write: Write, value: object):
    ended = cli("validate", write(value))
    assert ended.code == 3
    assert len(ended.text.splitlines()) == 1


def test_a_missing_file_does_not_keep_others_from_being_validated(cli: Cli, write: Write):
    good = write(PATIENT)
    ended = cli("validate", "nowhere.json", good)
    assert ended.code == 3
    assert ended.text == f"nowhere.json: cannot be read: No such file or directory\n{good}: ok\n"


# -- the command itself ---------------------------------------------------------------------------------------


def test_the_version_is_told(cli: Cli):
    assert cli("--version") == Ended(0, f"cds-service {__version__}\n".encode(), "")


def test_without_a_command_there_is_help(cli: Cli):
    assert cli() == cli("--help")
    assert "evaluate" in cli().text


def test_the_help_of_evaluate_tells_the_exit_codes(cli: Cli):
    text = cli("evaluate", "--help").text
    for line in ("0 evaluated", "2 wrong usage", "3 input", "4 a fault in a policy", "5 nothing to evaluate"):
        assert line in text


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "cds_service", *(str(one) for one in arguments)]


def environment(policies: Path, **more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("CDS_", "NO_COLOR", "PYTHON"))}
    return {**kept, "CDS_POLICIES": str(policies), "CDS_DATABASE_URL": "memory", **more}


def test_help_imports_nothing_that_takes_long():
    script = (
        "import sys; from cds_service.cli import run; code = run(['--help'], create_app=None)\n"
        f"print(code, [name for name in {HEAVY} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stderr == "0 []\n"


def test_evaluate_imports_neither_a_server_nor_a_database(policies: Path, write: Write):
    unneeded = ["alembic", "fastapi", "fhir", "prometheus_client", "sqlalchemy", "starlette", "uvicorn"]
    arguments = ["evaluate", str(write(request()))]
    script = (
        f"import sys; from cds_service.cli import run; code = run({arguments}, create_app=None)\n"
        f"print(code, [name for name in {unneeded} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment(policies), capture_output=True, text=True, check=True
    )
    assert done.stderr == "0 []\n"


def test_the_exit_code_reaches_the_shell(policies: Path, write: Write):
    done = subprocess.run(
        command("evaluate", write({"note": CANARY})),
        env=environment(policies),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (3, "")
    assert_one_line(done.stderr)


def test_a_reader_that_leaves_early_is_no_fault(policies: Path, write: Write):
    arguments = command("evaluate", write(request()), "--format", "text")
    with subprocess.Popen(
        arguments, env=environment(policies), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 0


def test_output_that_cannot_be_written_is_told(policies: Path, write: Write):
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            command("evaluate", write(request())),
            env=environment(policies),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr == "cds-service: the output cannot be written: No space left on device\n"


def at_terminal(policies: Path, *arguments: object, **more: str) -> bytes:
    """Return what a command writes to a terminal."""
    ours, theirs = pty.openpty()
    done = subprocess.run(command(*arguments), env=environment(policies, **more), stdout=theirs, check=True)
    os.close(theirs)
    with open(ours, "rb", buffering=0) as terminal:  # noqa: PTH123 - a descriptor, not a path
        written = terminal.read(65_536)
    assert done.returncode == 0
    return written


def test_a_terminal_gets_colour_unless_it_is_not_wanted(policies: Path, write: Write):
    place = write(request())
    assert at_terminal(policies, "explain", place).startswith(b"\x1b[32mMET\x1b[0m: ")
    assert at_terminal(policies, "explain", place, NO_COLOR="1").startswith(b"MET: ")


def test_a_terminal_gets_a_line_end_after_json(policies: Path, write: Write, cli: Cli):
    place = write(request())
    assert at_terminal(policies, "evaluate", place) == cli("evaluate", place).out + b"\r\n"


# -- serve ----------------------------------------------------------------------------------------------------


def test_the_service_is_served(policies: Path):
    with subprocess.Popen(
        command("serve", "--mode", "sandbox", "--port", 0), env=environment(policies), stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        patience = threading.Timer(20, process.kill)
        patience.start()
        try:
            told, warned = process.stderr.readline(), process.stderr.readline()
            found = re.fullmatch(r"cds-service: (http://127\.0\.0\.1:\d+), mode sandbox, 1 policy\n", told)
            assert found
            assert "DRAFT POLICIES DECIDE" in warned
            with httpx.Client(base_url=found[1], trust_env=False) as client:
                (card,) = client.post("/cds-services/necessity-order-sign", json=request()).json()["cards"]
                assert card["links"][0]["url"].startswith(f"{found[1]}/policies/{GROUP}")
                refused = client.post("/cds-services/necessity-order-sign?note=" + CANARY, content=b"nope")
                assert refused.status_code == 400
        finally:
            process.send_signal(signal.SIGINT)
            rest = process.stderr.read()
            patience.cancel()
        assert process.wait() == 0
        assert rest == ""


def test_what_was_answered_is_in_the_database_afterwards(policies: Path, tmp_path: Path):
    from cds_service.store.sql import SqlStore
    from cds_service.store.store import Filters

    url = f"sqlite:///{tmp_path / 'kept.db'}"
    arguments = command("serve", "--mode", "sandbox", "--port", 0)
    with subprocess.Popen(
        arguments, env=environment(policies, CDS_DATABASE_URL=url), stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        patience = threading.Timer(20, process.kill)
        patience.start()
        found = re.search(r"http://127\.0\.0\.1:\d+", process.stderr.readline())
        assert found
        with httpx.Client(base_url=found[0], trust_env=False) as client:
            assert client.post("/cds-services/necessity-order-sign", json=request()).status_code == 200
        process.send_signal(signal.SIGINT)
        process.stderr.read()
        patience.cancel()
    with SqlStore(url) as store:
        assert [one.decision.service for one in store.each(Filters())] == ["necessity-order-sign"]
        assert list(store.verify()) == []


def test_a_database_that_cannot_be_used_is_told(cli: Cli, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CDS_DATABASE_URL", "oracle://x")
    refused = cli("serve", "--mode", "sandbox", "--port", 0)
    assert (refused.code, "CDS_DATABASE_URL: a database is" in refused.err) == (2, True)


def test_production_says_at_its_start_what_may_not_decide(policies: Path):
    arguments = command("serve", "--mode", "production", "--port", 0)
    open_to_all = {**environment(policies), "CDS_AUTHENTICATION": "off"}
    with subprocess.Popen(arguments, env=open_to_all, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        patience = threading.Timer(20, process.kill)
        patience.start()
        told = [process.stderr.readline() for _ in range(2)]
        process.send_signal(signal.SIGINT)
        process.stderr.read()
        patience.cancel()
    assert told[1].startswith(
        f"cds-service: not used today: the policy is draft, not active (policy {PLAN['url']}|0.1.0"
    )


def test_a_certificate_needs_its_key(cli: Cli, tmp_path: Path):
    alone = cli("serve", "--mode", "sandbox", "--tls-certificate", tmp_path / "c.pem")
    assert (alone.code, "together" in alone.err) == (2, True)
    missing = cli(
        "serve", "--mode", "sandbox", "--port", 0, "--tls-certificate", tmp_path / "c.pem", "--tls-key", tmp_path / "k"
    )
    assert (missing.code, "cannot be used" in missing.err) == (2, True)


def test_production_does_not_start_without_clients_to_trust(cli: Cli):
    refused = cli("serve", "--mode", "production", "--port", 0)
    assert refused.code == 2
    assert "CDS_CLIENTS: names no clients" in refused.err
    assert_one_line(refused.err)


def test_a_port_in_use_is_told(cli: Cli):
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        ended = cli("serve", "--mode", "production", "--port", taken.getsockname()[1])
    assert (ended.code, ended.out) == (2, b"")
    assert_one_line(ended.err)
    assert "Address already in use" in ended.err


def test_the_mode_may_come_from_the_environment(policies: Path, monkeypatch: pytest.MonkeyPatch):
    """Fails only when the application is made: the mode was found, and it is production."""
    monkeypatch.setenv("CDS_MODE", "production")
    made: list[Application] = []

    def create(application: Application) -> None:
        made.append(application)
        raise ValueError

    assert run(["serve", "--port", "0", "--policies", str(policies)], create_app=create) == 1
    assert [one.settings.mode for one in made] == ["production"]


@pytest.mark.parametrize(
    ("host", "public", "linked"),
    [
        ("127.0.0.1", None, r"http://127\.0\.0\.1:\d+"),
        ("0.0.0.0", None, "http://127.0.0.1:8000"),  # noqa: S104 - what operators write in a container
        ("127.0.0.1", "https://cds.example.org", "https://cds.example.org"),
    ],
)
def test_cards_link_to_where_the_service_is_reached(
    policies: Path, monkeypatch: pytest.MonkeyPatch, host: str, public: str | None, linked: str
):
    if public:
        monkeypatch.setenv("CDS_PUBLIC_BASE_URL", public)
    made: list[Application] = []

    def create(application: Application) -> None:
        made.append(application)
        raise ValueError

    run(["serve", "--mode", "sandbox", "--host", host, "--port", "0", "--policies", str(policies)], create_app=create)
    assert [bool(re.fullmatch(linked, one.settings.public_base_url)) for one in made] == [True]
