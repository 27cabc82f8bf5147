"""The service as processes: it drains as it ends, replaces a worker that dies, and reads policies again on a signal."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from cds_service.store.sql import SqlStore
from cds_service.store.store import Filters
from tests.faults.ehr_stub import EhrStub, slow
from tests.made_up import GROUP, PATIENT, PLAN, finding, order, request, write_policy

CANARY = "canary-of-jane-roe"
SIGN = "/cds-services/necessity-order-sign"
GUARD = 30


@dataclass
class Served:
    """A running service: its process, its address, and where it writes."""

    process: subprocess.Popen[str]
    address: str
    folder: Path

    @property
    def database(self) -> str:
        return f"sqlite:///{self.folder / 'kept.db'}"

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()

    def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        with httpx.Client(base_url=self.address, trust_env=False, timeout=GUARD) as client:
            return client.request(method, path, **more)

    def end(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(GUARD)

    def workers(self) -> list[int]:
        found = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return [int(pid) for pid in found if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]


@contextmanager
def served(folder: Path, *options: str, **settings: object) -> Iterator[Served]:
    policies = folder / "policies"
    if not policies.exists():
        write_policy(policies)
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("CDS_")}
    chosen = {"policies": policies, "database_url": f"sqlite:///{folder / 'kept.db'}"} | settings
    environment = inherited | {f"CDS_{name.upper()}": str(value) for name, value in chosen.items()}
    command = [sys.executable, "-m", "cds_service", "serve", "--mode", "sandbox", "--port", "0", *options]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.PIPE, text=True)
        guard = threading.Timer(2 * GUARD, process.kill)
        guard.start()
        try:
            assert process.stderr is not None
            address = re.search(r"http://127\.0\.0\.1:\d+", process.stderr.readline())
            assert address
            yield Served(process, address[0], folder)
        finally:
            process.kill()
            process.communicate()
            guard.cancel()


def until(holds: Callable[[], bool]) -> None:
    """Return once it holds; the guard is generous, for the machine may be busy."""
    limit = time.monotonic() + GUARD
    while not holds():
        assert time.monotonic() < limit
        time.sleep(0.05)


def kept(database: str) -> list[str]:
    with SqlStore(database) as store:
        assert list(store.verify()) == []
        return [one.decision.exchange for one in store.each(Filters())]


def rewritten(folder: Path, **more: Any) -> None:
    plan = deepcopy(PLAN) | more
    (folder / "policies" / GROUP / "plan_definition.json").write_text(json.dumps(plan), encoding="utf-8")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def test_what_is_being_answered_as_it_is_told_to_stop_is_answered_and_kept(tmp_path: Path) -> None:
    with (
        EhrStub(resources=[PATIENT, finding("broken")], by_type={"Observation": slow(1.0)}) as ehr,
        served(tmp_path, fhir_servers=json.dumps([ehr.base_url])) as service,
    ):
        message = request(order(), chart=()) | {"fhirServer": ehr.base_url, "prefetch": {}}
        answers: list[httpx.Response] = []
        asking = threading.Thread(target=lambda: answers.append(service.ask("POST", SIGN, json=message)))
        asking.start()
        until(lambda: bool(ehr.requests))
        service.end()
        asking.join(GUARD)
        assert [one.status_code for one in answers] == [200]
        assert "criteria met" in answers[0].json()["cards"][0]["summary"]
    assert len(kept(service.database)) == 1


def test_a_worker_that_is_killed_is_replaced_and_nothing_answered_is_lost(tmp_path: Path) -> None:
    port = free_port()
    with served(tmp_path, "--workers", "2", metrics_port=port) as service:
        answered = 0
        until(lambda: len(service.workers()) == 2)
        for i in range(30):
            if i == 10:
                killed = service.workers()[0]
                os.kill(killed, signal.SIGKILL)
            try:
                answered += service.ask("POST", SIGN, json=request()).status_code == 200
            except httpx.TransportError:  # it was with the worker that was killed
                continue
        until(lambda: len(service.workers()) == 2 and killed not in service.workers())
        answered += service.ask("POST", SIGN, json=request()).status_code == 200
        metrics = httpx.get(f"http://127.0.0.1:{port}/metrics", trust_env=False).text
        counted = re.search(r'cds_requests_total\{service="necessity-order-sign",status="200"\} (\d+)', metrics)
        assert counted
        assert int(counted[1]) >= answered
        service.end()
    assert answered >= 29
    assert len(kept(service.database)) >= answered


def test_workers_end_when_what_started_them_is_killed(tmp_path: Path) -> None:
    with served(tmp_path, "--workers", "2") as service:
        until(lambda: len(service.workers()) == 2)
        assert service.ask("POST", SIGN, json=request()).status_code == 200
        workers = service.workers()
        service.process.kill()
        service.process.wait(GUARD)
        until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers))
    assert len(kept(service.database)) == 1


def readiness(service: Served) -> dict[str, Any]:
    told: dict[str, Any] = service.ask("GET", "/health/ready").json()
    return told


def test_a_worker_that_cannot_start_again_is_waited_for_while_the_others_answer(tmp_path: Path) -> None:
    port = free_port()
    with served(tmp_path, "--workers", "2", metrics_port=port) as service:
        until(lambda: service.log.count('"event":"serving"') == 2)
        assert "workers" not in readiness(service)["checks"]
        rewritten(tmp_path, action=[])
        os.kill(service.workers()[0], signal.SIGKILL)
        until(lambda: '"again_in_s":2.0' in service.log)
        assert all(service.ask("POST", SIGN, json=request()).status_code == 200 for _ in range(5))
        told = readiness(service)
        assert (told["status"], told["checks"]["workers"]) == ("degraded", "lacking")
        until(lambda: "cds_workers_lacking 1.0" in httpx.get(f"http://127.0.0.1:{port}/metrics", trust_env=False).text)
        assert re.search(r'"event":"worker not started".*"error":"ContentError".*"rule":', service.log)
        rewritten(tmp_path)
        service.process.send_signal(signal.SIGHUP)
        until(lambda: readiness(service)["status"] == "ready")
        assert len(service.workers()) == 2
        service.end()
        assert service.process.stderr is not None
        assert "Traceback" not in service.process.stderr.read()


def test_what_a_killed_service_left_behind_is_removed_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary, *folders = [tmp_path / name for name in ("tmp", "killed", "living", "next")]
    for folder in (temporary, *folders):
        folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))

    def left() -> set[Path]:
        return set(temporary.glob("cds-metrics-*"))

    with served(folders[0], "--workers", "2") as killed, served(folders[1], "--workers", "2") as living:
        until(lambda: len(left()) == 2)
        before = left()
        killed.process.kill()
        killed.process.wait(GUARD)
        with served(folders[2], "--workers", "2") as following:
            until(lambda: len(left() & before) == 1 and len(left()) == 2)
            following.end()
        living.end()
    assert left() == set()


def revision(service: Served) -> tuple[str, str]:
    told = service.ask("GET", "/health/ready").json()
    return told["revision"], told["checks"]["policies"]


def test_a_signal_has_the_policies_read_again_and_broken_ones_are_not_used(tmp_path: Path) -> None:
    with served(tmp_path) as service:
        first, _ = revision(service)
        rewritten(tmp_path, version="0.2.0")
        service.process.send_signal(signal.SIGHUP)
        until(lambda: revision(service)[0] != first)
        second, _ = revision(service)
        rewritten(tmp_path, action=[])
        service.process.send_signal(signal.SIGHUP)
        until(lambda: revision(service) == (second, "stale"))
        answer = service.ask("POST", SIGN, json=request())
        assert (answer.status_code, answer.headers["CDS-Policy-Revision"]) == (200, second)
        assert '"event":"policies not reloaded"' in service.log
        service.end()


def test_a_signal_reaches_every_worker(tmp_path: Path) -> None:
    with served(tmp_path, "--workers", "2") as service:
        until(lambda: len(service.workers()) == 2)
        first, _ = revision(service)
        workers = service.workers()
        until(lambda: service.log.count('"event":"serving"') == 2)
        rewritten(tmp_path, version="0.2.0")
        service.process.send_signal(signal.SIGHUP)
        until(lambda: service.log.count('"event":"policies reloaded"') == 2)
        assert {revision(service)[0] for _ in range(10)}.isdisjoint({first})
        assert service.workers() == workers
        service.end()


def test_no_value_of_a_patient_is_in_logs_or_metrics(tmp_path: Path) -> None:
    port = free_port()
    patient = {**PATIENT, "name": [{"text": CANARY, "family": CANARY}], "identifier": [{"value": CANARY}]}
    with EhrStub(resources=[patient, finding(CANARY)]) as ehr:
        settings = {"fhir_servers": json.dumps([ehr.base_url]), "log_level": "debug", "metrics_port": port}
        with served(tmp_path, **settings) as service:
            message = request(order(CANARY), chart=(patient, finding(CANARY, id=CANARY))) | {"fhirServer": ehr.base_url}
            message["context"]["userId"] = f"Practitioner/{CANARY}"
            service.ask("POST", SIGN, json=message)
            service.ask("POST", SIGN, json=message | {"prefetch": {}})
            service.ask("POST", SIGN, content=json.dumps(message).encode()[:-9])
            service.ask("POST", f"{SIGN}/feedback", json={"feedback": [{"card": CANARY, "outcome": CANARY}]})
            service.ask("GET", f"/fhir/Patient/{CANARY}?name={CANARY}", headers={"Authorization": CANARY})
            metrics = httpx.get(f"http://127.0.0.1:{port}/metrics", trust_env=False).text
            service.process.send_signal(signal.SIGTERM)
            assert service.process.stderr is not None
            told = service.process.stderr.read()
    assert service.log.count('"event":"request"') == 5
    assert 'cds_determinations_total{outcome="' in metrics
    assert "cds_store_writable 1.0" in metrics
    assert 'cds_fhir_queries_total{result="complete"}' in metrics
    assert CANARY not in service.log + metrics + told


def test_broken_policies_read_under_load_change_no_answer(tmp_path: Path) -> None:
    with served(tmp_path) as service:
        first, _ = revision(service)
        answers: list[tuple[int, str]] = []

        def ask() -> None:
            for _ in range(25):
                answer = service.ask("POST", SIGN, json=request())
                answers.append((answer.status_code, answer.headers["CDS-Policy-Revision"]))

        asking = [threading.Thread(target=ask) for _ in range(4)]
        for one in asking:
            one.start()
        for action in ([], None, [{}]):
            rewritten(tmp_path, action=action)
            service.process.send_signal(signal.SIGHUP)
            time.sleep(0.1)
        for one in asking:
            one.join(GUARD)
        until(lambda: revision(service) == (first, "stale"))
        service.end()
    assert answers == [(200, first)] * 100
    assert len(kept(service.database)) == 100


def test_a_port_for_metrics_that_is_taken_is_told(tmp_path: Path) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        served(tmp_path, metrics_port=taken.getsockname()[1]) as service,
    ):
        assert service.process.wait(GUARD) == 2
        assert service.process.stderr is not None
        assert "CDS_METRICS_PORT: cannot listen there" in service.process.stderr.read()
