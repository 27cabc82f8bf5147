"""The policies that decided are kept: a decision is recomputed long after other policies have taken their place."""

from __future__ import annotations

import asyncio
import copy
import json
import os
from pathlib import Path
from typing import Any

import httpx
import pytest

from cds_service.api.app import create_app
from cds_service.api.serving import Serving
from cds_service.cli import run
from cds_service.errors import ContentError
from cds_service.fhir.encoding import encode
from cds_service.replay import Replayer, Verdict
from cds_service.settings import Settings
from cds_service.store.errors import StoreUnavailable
from cds_service.store.memory import InMemoryStore
from cds_service.store.store import Filters, Store
from cds_service.wiring import Application, open_store
from tests.made_up import GROUP, PLAN, finding, order, request, write_policy

SIGN = "/cds-services/necessity-order-sign"


def plan_of(version: str) -> dict[str, Any]:
    plan = copy.deepcopy(PLAN) | {"version": version}
    plan["title"] = f"As of {version}"
    return plan


def settings_of(folder: Path) -> Settings:
    return Settings(policies=folder / "policies", database_url=f"sqlite:///{folder}/kept.db", fhir_fetch=False)


def served(application: Application) -> httpx.Response:
    """Return the answer to an order, signed while `application` serves, which ends then."""

    async def sign() -> httpx.Response:
        app = create_app(application)
        async with app.router.lifespan_context(app):
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
                body = encode(request(order(), chart=(finding("broken"),)))
                answer = await client.post(SIGN, content=body, headers={"content-type": "application/json"})
            while not application.store.policies_kept():  # in the background, so that nobody waits for it
                await asyncio.sleep(0.01)
            return answer

    return asyncio.run(sign())


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a database of two decisions, each by policies of its own; the second ones are at hand."""
    for name in [name for name in os.environ if name.startswith("CDS_")]:
        monkeypatch.delenv(name)
    write_policy(tmp_path / "policies", plan_of("1.0.0"))
    for version in ("1.0.0", "2.0.0"):
        (tmp_path / "policies" / GROUP / "plan_definition.json").write_text(json.dumps(plan_of(version)))
        settings = settings_of(tmp_path)
        store = open_store(settings)
        application = Application.of(settings)
        answer = served(Application(settings, application.policies, store=store, files=application.files))
        assert version in answer.text
    monkeypatch.setenv("CDS_DATABASE_URL", settings_of(tmp_path).database_url)
    monkeypatch.setenv("CDS_POLICIES", str(tmp_path / "policies"))
    return tmp_path


def called(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = run(["decisions", *arguments], create_app=create_app)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


@pytest.mark.requirement("found-37")
def test_what_other_policies_decided_is_replayed_by_those(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert called(capsys, "replay") == (0, "", "cds-service: 2 identical, 0 differ, 0 cannot be recomputed\n")


def test_the_policies_are_listed_and_come_out_as_a_package(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = called(capsys, "policies")
    first, second = (line.split()[1] for line in out.splitlines())
    package = folder / "first.tgz"
    assert called(capsys, "policies", first[:9], "--output", str(package))[0] == 0
    assert Application.of(Settings(policies=package)).policies.revision == first
    assert Application.of(settings_of(folder)).policies.revision == second


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("policies", "0000"), 5, "no such policies"),
        (("policies", "--output", "x.tgz"), 2, "name one revision"),
    ],
)
def test_what_cannot_be_written_out_is_told(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], code: int, told: str
) -> None:
    ended = called(capsys, *arguments)
    assert (ended[0], told in ended[2]) == (code, True)


@pytest.mark.parametrize("damage", [b"", b"no package", "another"])
def test_policies_that_are_not_as_they_were_recompute_nothing(folder: Path, damage: bytes | str) -> None:
    settings = settings_of(folder)
    with_store = open_store(settings)
    first, second = with_store.policies_kept()
    package = with_store.policies_of(second) if isinstance(damage, str) else damage
    replayer = Replayer.of((), kept=lambda _: package)
    one = next(one.decision for one in with_store.each(Filters()) if one.decision.policy_revision == first)
    assert replayer.replay(one).verdict is Verdict.CANNOT
    with_store.close()


class Away(InMemoryStore):
    """A store whose database comes back at the third attempt."""

    attempts = 0

    def keep_policies(self, revision: str, package: bytes) -> None:
        self.attempts += 1
        if self.attempts < 3:
            raise StoreUnavailable("away")
        super().keep_policies(revision, package)


def application_with(store: Store, folder: Path) -> Application:
    write_policy(folder / "policies")
    made = Application.of(settings_of(folder))
    return Application(made.settings, made.policies, store=store, files=made.files)


def test_while_the_database_is_away_the_policies_wait_and_are_kept_once(tmp_path: Path) -> None:
    store = Away()
    serving = Serving(application_with(store, tmp_path))
    for _ in range(5):
        serving.keep_policies()
    assert store.attempts == 3
    assert [*store.policies_kept()] == [serving.application.policies.revision]


def test_a_reload_keeps_the_policies_that_decide_then(tmp_path: Path) -> None:
    store = InMemoryStore()
    serving = Serving(application_with(store, tmp_path))
    serving.keep_policies()
    (tmp_path / "policies" / GROUP / "plan_definition.json").write_text(json.dumps(plan_of("2.0.0")))
    assert asyncio.run(serving.reload())
    serving.keep_policies()
    assert [*store.policies_kept()][1:] == [serving.application.policies.revision]


def test_policies_that_cannot_be_packed_are_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    class Unpackable(InMemoryStore):
        def keep_policies(self, *_: object) -> None:
            raise ContentError("two files of one name")

    serving = Serving(application_with(Unpackable(), tmp_path))
    for _ in range(2):
        serving.keep_policies()
    assert [one.message for one in caplog.records] == ["policies not kept"]
