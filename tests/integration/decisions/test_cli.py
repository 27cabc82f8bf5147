"""`cds-service decisions`: what is kept, listed, shown, verified, replayed, exported and counted."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import pwd
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cds_service.api.app import create_app
from cds_service.cli import run
from cds_service.fhir.encoding import encode
from cds_service.fhir.validate import validate
from cds_service.store.export import COLUMNS
from tests.charts import ROOT
from tests.integration.decisions.corpus import ask
from tests.integration.test_kept import accepted, overridden
from tests.made_up import PLAN, finding, order, request, write_policy

EHR_SECRET = "s3cr3t-t0ken-of-the-ehr"  # noqa: S105 - a test's own
WIDGET = "https://example.org/fhir/PlanDefinition/widget"


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: bytes
    err: str

    @property
    def text(self) -> str:
        return self.out.decode()


Cli = Callable[..., Ended]


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database in which four requests are kept: met, open, of a seed, refused; and feedback on the first two."""
    from tests.integration.decisions import corpus

    place = tmp_path_factory.mktemp("decisions") / "kept.db"
    seed = (ROOT / "fixtures" / "cds_hooks" / "seed-1-order-sign.json").read_bytes()
    met = request(order(), chart=(finding("broken"),)) | {"fhirAuthorization": {"access_token": EHR_SECRET}}
    bodies = [encode(met), encode(request(order(), chart=())), seed, b'{"context":{"patientId":"p1"}}']
    first, second, *_ = ask(f"sqlite:///{place}", [("order-sign", body) for body in bodies])
    reason = {"system": "https://example.org/reasons", "code": "seen-elsewhere"}
    report = {
        "feedback": [
            accepted(first.json()["cards"][0]["uuid"]),
            overridden(second.json()["cards"][0]["uuid"], reason=reason, userComment="canary-of-jane-roe"),
            overridden("a-card-of-nobody"),
        ]
    }
    assert corpus.ask(f"sqlite:///{place}", [("order-sign/feedback", encode(report))])[0].status_code == 200
    return place


@pytest.fixture
def cli(kept: Path, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]) -> Cli:
    for name in [name for name in os.environ if name.startswith("CDS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("CDS_DATABASE_URL", f"sqlite:///{kept}")

    def called(*arguments: object) -> Ended:
        code = run(["decisions", *map(str, arguments)], create_app=create_app)
        captured = capsysbinary.readouterr()
        return Ended(code, captured.out, captured.err.decode())

    return called


@pytest.fixture(scope="module")
def policies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The policies by which all was decided, in one folder."""
    import shutil

    from tests.replay.clients import write_policies

    folder = write_policies(tmp_path_factory.mktemp("policies"))
    shutil.copytree(ROOT / "plan_definitions", folder, dirs_exist_ok=True)
    (folder / "package.json").unlink()
    return folder


def listed(cli: Cli, *filters: str) -> list[dict[str, Any]]:
    ended = cli("list", "--format", "json", *filters)
    assert ended.code == 0, ended.err
    found: list[dict[str, Any]] = json.loads(ended.out)
    return found


# -- list and show ------------------------------------------------------------------------------------------------


@pytest.mark.requirement("found-37")
def test_decisions_are_listed_the_latest_first(cli: Cli) -> None:
    ended = cli("list")
    assert ended.code == 0
    blocks = [line for line in ended.text.splitlines() if not line.startswith(" ")]
    assert len(blocks) == 4
    assert blocks[0].endswith("order-sign, refused with 400")
    assert f"replace: met by {WIDGET}|0.1.0" in ended.text


@pytest.mark.parametrize(
    ("filters", "count"),
    [
        (("--code", "63102"), 1),
        (("--outcome", "met"), 2),
        (("--policy", WIDGET), 2),
        (("--policy", WIDGET, "--outcome", "information-missing"), 1),
        (("--hook", "order-select"), 0),
        (("--client", "https://nobody.example.org"), 0),
        (("--client", ""), 4),
        (("--patient", "p1"), 2),
        (("--since", "2020-01-01"), 4),
        (("--until", "2020-01-01"), 0),
        (("--until", "2020-01-01T00:00:00+02:00"), 0),
        (("--limit", "3"), 3),
    ],
    ids=repr,
)
def test_a_list_holds_what_it_is_asked_for(cli: Cli, filters: tuple[str, ...], count: int) -> None:
    assert len(listed(cli, *filters)) == count


def test_a_time_that_is_none_is_refused(cli: Cli) -> None:
    ended = cli("list", "--since", "yesterday")
    assert (ended.code, ended.err) == (
        2,
        "cds-service: --since is a day such as 2026-01-15, or 2026-01-15T10:00:00Z\n",
    )


def test_a_decision_is_shown_in_the_words_of_its_policies(cli: Cli, policies: Path) -> None:
    (one,) = listed(cli, "--policy", WIDGET, "--outcome", "met")
    text = cli("show", one["exchange"], "--policies", policies).text
    assert "replay     identical" in text
    assert f"policy     {WIDGET}|0.1.0, hash {one['determinations'][0]['hash']}" in text
    assert "The widget is broken" in text
    assert "a client without a token" in text


def test_without_its_policies_a_decision_is_shown_by_its_criteria(cli: Cli) -> None:
    (one,) = listed(cli, "--policy", WIDGET, "--outcome", "met")
    text = cli("show", one["decision"]).text
    assert "replay     cannot: policies not at hand" in text
    assert "true     broken" in text


@pytest.mark.parametrize("part", ["json", "request", "response", "determinations"])
def test_each_part_of_a_decision_is_shown_as_it_is_kept_and_none_holds_the_token(cli: Cli, part: str) -> None:
    (one,) = listed(cli, "--policy", WIDGET, "--outcome", "met")
    ended = cli("show", one["exchange"], "--format", part)
    assert ended.code == 0
    assert isinstance(json.loads(ended.out), dict)
    assert EHR_SECRET not in ended.text


def test_a_decision_that_is_not_there_is_told(cli: Cli) -> None:
    ended = cli("show", "8a1a7c1e-0000-4000-8000-000000000000")
    assert (ended.code, ended.err) == (5, "cds-service: no decision of that id is kept here\n")


# -- verify -------------------------------------------------------------------------------------------------------


def test_what_is_as_it_was_stored_verifies_and_later_still_holds_what_was_noted(cli: Cli, tmp_path: Path) -> None:
    ended = cli("verify", "--heads")
    assert (ended.code, "are as they were stored" in ended.err) == (0, True)
    noted = tmp_path / "heads"
    noted.write_text(ended.text)
    assert cli("verify", "--anchor", noted).code == 0
    noted.write_text(ended.text.replace(ended.text.split()[2], "f" * 64))
    changed = cli("verify", "--anchor", noted)
    assert (changed.code, "it was noted with another hash" in changed.text) == (1, True)


def test_a_head_from_the_log_is_checked_against(cli: Cli) -> None:
    writer, sequence, noted = cli("verify", "--heads").text.splitlines()[0].split()
    assert cli("verify", "--head", f"{writer}:{sequence}:{noted}").code == 0
    ended = cli(
        "verify", "--head", f"{writer}:{sequence}:{'0' * 64}", "--head", f"{writer}:{int(sequence) + 1}:{noted}"
    )
    assert (ended.code, [line.split(":")[0] for line in ended.text.splitlines()]) == (1, ["changed", "missing"])
    assert cli("verify", "--head", f"{writer}:{noted}").code == 2


def test_a_file_of_heads_that_is_none_is_refused(cli: Cli, tmp_path: Path) -> None:
    wrong = tmp_path / "heads"
    wrong.write_text("what is this\n")
    assert cli("verify", "--anchor", wrong).code == 2
    assert cli("verify", "--anchor", tmp_path / "none").code == 2


def test_one_changed_byte_is_named_by_its_entry(
    cli: Cli, kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "copy.db"
    with sqlite3.connect(kept) as source, sqlite3.connect(copy) as target:
        source.backup(target)
        target.execute("PRAGMA trusted_schema = ON")
        for (name,) in target.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            target.execute(f"DROP TRIGGER {name}")
        target.execute("UPDATE journal SET content = replace(content, '0.1.0', '0.1.1') WHERE sequence = 2")
    monkeypatch.setenv("CDS_DATABASE_URL", f"sqlite:///{copy}")
    ended = cli("verify")
    assert ended.code == 1
    assert "changed: entry 2 of writer" in ended.text
    assert ended.err.endswith("not as stored\n")


# -- replay -------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("found-37")
def test_all_decisions_are_replayed(cli: Cli, policies: Path) -> None:
    ended = cli("replay", "--policies", policies)
    assert (ended.code, ended.out) == (0, b"")
    assert ended.err == "cds-service: 4 identical, 0 differ, 0 cannot be recomputed\n"


def test_each_decision_is_replayed_by_the_policies_of_its_time(cli: Cli, policies: Path, tmp_path: Path) -> None:
    later = write_policy(tmp_path / "later", {**PLAN, "version": "0.2.0"})
    assert cli("replay", "--policies", later).code == 1
    assert cli("replay", "--policies", later, "--policies", policies).code == 0


def test_policies_that_changed_are_told_with_what_was_decided_by_them(cli: Cli, tmp_path: Path) -> None:
    (one,) = listed(cli, "--policy", WIDGET, "--outcome", "met")
    ended = cli("replay", one["exchange"], "--policies", write_policy(tmp_path))
    revision = one["policyRevision"][:12]
    assert ended.text == f"cannot: {one['exchange']}: policies not at hand: revision {revision}\n"
    assert ended.err == "cds-service: 0 identical, 0 differ, 1 cannot be recomputed\n"


def test_a_replay_of_nothing_is_no_success(cli: Cli) -> None:
    assert cli("replay", "--until", "2020-01-01").code == 5


# -- export -------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("found-37")
def test_every_line_of_the_export_is_a_valid_resource(cli: Cli) -> None:
    ended = cli("export")
    assert ended.code == 0
    resources = [json.loads(line) for line in ended.out.splitlines()]
    assert [issue for one in resources for issue in validate(one)] == []
    kinds = [one["resourceType"] for one in resources]
    determined = sum(len(one["determinations"]) for one in listed(cli))
    assert {kind: kinds.count(kind) for kind in kinds} == {
        "GuidanceResponse": determined,
        "Provenance": determined,
        "AuditEvent": 4,
    }
    assert EHR_SECRET not in ended.text


def test_the_table_has_a_row_per_determination_and_nothing_of_a_chart(cli: Cli, tmp_path: Path) -> None:
    place = tmp_path / "decisions.csv"
    assert cli("export", "--format", "csv", "--output", place, "--policy", WIDGET).code == 0
    rows = list(csv.DictReader(io.StringIO(place.read_text())))
    assert [(row["code"], row["outcome"]) for row in rows] == [("replace", "met"), ("replace", "information-missing")]
    assert "p1" not in place.read_text()


def test_parquet_holds_the_same_rows_as_the_table(cli: Cli, tmp_path: Path) -> None:
    from pyarrow import parquet

    place = tmp_path / "decisions.parquet"
    assert cli("export", "--format", "parquet", "--output", place).code == 0
    written = parquet.read_table(place)
    rows = list(csv.reader(io.StringIO(cli("export", "--format", "csv").text)))
    assert (tuple(written.column_names), written.num_rows) == (COLUMNS, len(rows) - 1)
    assert [list(row.values()) for row in written.to_pylist()] == rows[1:]


def test_parquet_goes_to_a_file(cli: Cli) -> None:
    assert cli("export", "--format", "parquet").code == 2


def test_without_its_package_parquet_says_what_to_install(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    ended = cli("export", "--format", "parquet", "--output", "x.parquet")
    assert (ended.code, "cds-service[parquet]" in ended.err) == (2, True)


def test_an_export_that_cannot_be_written_is_told(cli: Cli, tmp_path: Path) -> None:
    assert cli("export", "--output", tmp_path / "no" / "folder.ndjson").code == 1


# -- report -------------------------------------------------------------------------------------------------------


def test_feedback_is_counted_by_policy_and_by_the_criterion_that_was_not_fulfilled(cli: Cli) -> None:
    counted = json.loads(cli("report", "--format", "json").out)
    assert {(one["policy"], one["criterion"], one["feedback"], one["count"]) for one in counted} == {
        ("", "", "overridden", 1),
        (f"{WIDGET}|0.1.0", "", "accepted", 1),
        (f"{WIDGET}|0.1.0", "broken", "overridden", 1),
    }
    text = cli("report").text
    assert "overridden for https://example.org/reasons|seen-elsewhere: broken information-missing" in text
    assert "canary" not in text


# -- who looked ---------------------------------------------------------------------------------------------------


@pytest.fixture
def alone(kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cli: Cli) -> Cli:
    """The command on a copy of the database, at which nobody has looked."""
    with sqlite3.connect(kept) as source, sqlite3.connect(tmp_path / "copy.db") as copy:
        source.backup(copy)
    copy.close()
    source.close()
    monkeypatch.setenv("CDS_DATABASE_URL", f"sqlite:///{tmp_path}/copy.db")
    monkeypatch.setenv("LOGNAME", "somebody-else")
    before = len(cli("viewings").text.splitlines())

    def called(*arguments: object) -> Ended:
        ended = cli(*arguments)
        lines = ended.out.splitlines(keepends=True)
        return Ended(ended.code, b"".join(lines[before:]) if arguments[0] == "viewings" else ended.out, ended.err)

    return called


def test_it_is_kept_which_user_looked_at_which_decisions_by_which_command(alone: Cli, policies: Path) -> None:
    first, *others = [one["exchange"] for one in listed(alone)]
    alone("verify")
    alone("show", first)
    alone("replay", first, "--policies", policies)
    alone("export", "--format", "csv")
    lines = [line.split() for line in alone("viewings").text.splitlines()]
    user = pwd.getpwuid(os.getuid()).pw_name
    assert [line[1:3] for line in lines] == [["show", user], ["replay", user], ["export", user]]
    assert [sorted(line[3:]) for line in lines] == [[first], [first], sorted([first, *others])]
    assert alone("verify").code == 0


def test_viewings_are_exported_as_audit_events_that_name_no_patient(alone: Cli) -> None:
    exchange = listed(alone, "--patient", "p1")[0]["exchange"]
    alone("show", exchange)
    (event,) = map(json.loads, alone("viewings", "--format", "ndjson").out.splitlines())
    assert validate(event) == ()
    assert event["entity"][0]["what"]["identifier"]["value"] == f"urn:uuid:{exchange}"
    assert "p1" not in json.dumps(event)


def test_what_cannot_be_kept_of_a_look_is_not_shown(alone: Cli, tmp_path: Path) -> None:
    exchange = listed(alone)[0]["exchange"]
    with closing(sqlite3.connect(tmp_path / "copy.db")) as lock:
        lock.execute("BEGIN IMMEDIATE")
        ended = alone("show", exchange)
    assert (ended.code, ended.out) == (3, b"")
    assert "cannot be" in ended.err


# -- the command itself -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("url", ["memory", "sqlite:////no/such/file.db", "mysql://x"])
def test_a_database_that_is_not_there_is_told_and_not_made(cli: Cli, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("CDS_DATABASE_URL", url)
    ended = cli("list")
    assert ended.code in (2, 3)
    assert ended.err.startswith("cds-service: CDS_DATABASE_URL: ")


def test_help_imports_nothing_heavy() -> None:
    heavy = ["alembic", "fastapi", "msgspec", "pyarrow", "sqlalchemy"]
    program = (
        "import sys; from cds_service.cli import run; run(['decisions', 'replay', '--help'], create_app=None);"
        f"sys.exit(str([one for one in {heavy} if one in sys.modules] or ''))"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)
    assert ended.stderr.strip() == ""
    assert "--any-engine" in ended.stdout


def test_on_a_terminal_long_work_shows_how_far_it_has_come(kept: Path, policies: Path) -> None:
    parent, child = pty.openpty()
    environment = {**os.environ, "CDS_DATABASE_URL": f"sqlite:///{kept}"}
    command = [sys.executable, "-m", "cds_service", "decisions", "replay", "--policies", str(policies)]
    ended = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=child, env=environment, check=False, timeout=120)
    os.close(child)
    shown = os.read(parent, 65_536).decode()
    os.close(parent)
    assert ended.returncode == 0
    assert "replayed: 4 of 4 (100 %)" in shown
