"""A chart of a hundred resources, signed for with a token: this service beside a plain one, at 1, 8 and 32 clients."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from cds_service.security import SigningKey, generate_key, jwks, new_claims, sign
from tests.charts import fixture
from tests.load.clients import PATH, load
from tests.load.process import ROOT, cpu_of, served

RESOURCES = 100
SECONDS = 8.0
CLIENTS = (1, 8, 32)
ISSUER, BASE = "https://ehr.example.org", "http://127.0.0.1"
_TOKENS = 12_000


def body() -> dict[str, Any]:
    """Return the signing of the first seed's three orders, with laboratory results up to a hundred resources."""
    request: dict[str, Any] = json.loads(json.dumps(fixture("cds_hooks/seed-1-order-sign.json"), default=float))
    del request["fhirServer"]
    prefetch = request["prefetch"]
    held = sum(len(one.get("entry", ())) or 1 for one in prefetch.values() if one)
    patient = request["context"]["patientId"].removeprefix("Patient/")
    prefetch["observation"]["entry"] += [{"resource": _result(i, patient)} for i in range(RESOURCES - held)]
    return request


def _result(i: int, patient: str) -> dict[str, Any]:
    """Return a made-up laboratory result, about as long as those of an EHR."""
    day = f"2025-{1 + i % 12:02}-{1 + i % 28:02}"
    return {
        "resourceType": "Observation",
        "id": f"lab-{i}",
        "meta": {"versionId": "1", "lastUpdated": f"{day}T08:00:00Z"},
        "status": "final",
        "category": [
            {
                "coding": [
                    {
                        "system": "http://terminology.hl7.org/CodeSystem/observation-category",
                        "code": "laboratory",
                        "display": "Laboratory",
                    }
                ]
            }
        ],
        "code": {
            "coding": [{"system": "http://loinc.org", "code": f"{1000 + i}-{i % 10}", "display": f"Result {i}"}],
            "text": f"Result {i}",
        },
        "subject": {"reference": f"Patient/{patient}"},
        "effectiveDateTime": f"{day}T07:30:00Z",
        "issued": f"{day}T08:00:00Z",
        "valueQuantity": {
            "value": 4.0 + i / 10,
            "unit": "mmol/L",
            "system": "http://unitsofmeasure.org",
            "code": "mmol/L",
        },
        "referenceRange": [{"low": {"value": 3.5, "unit": "mmol/L"}, "high": {"value": 5.1, "unit": "mmol/L"}}],
    }


def messages(key: SigningKey, audience: str) -> Callable[[str], bytes]:
    """Return what makes requests; their tokens are signed before, for a token counts once."""
    content = json.dumps(body()).encode()
    now = time.time()
    tokens = [sign(new_claims(iss=ISSUER, aud=audience, now=now), key) for _ in range(_TOKENS)]
    numbers = count()

    def message(instance: str) -> bytes:
        sent = content.replace(b"5b0c0d0e-6f2a-4c55-8d5e-0d2f3b1a7c01", instance.encode())
        head = f"POST {PATH} HTTP/1.1\r\nHost: cds\r\nContent-Type: application/json\r\n"
        head += f"Authorization: Bearer {tokens[next(numbers)]}\r\nContent-Length: {len(sent)}\r\n\r\n"
        return head.encode() + sent

    return message


@contextmanager
def plain(key: SigningKey, folder: Path) -> Iterator[tuple[int, int]]:
    """Give the process and the port of the plain service."""
    (folder / "key.json").write_text(json.dumps(key.jwk()), encoding="utf-8")
    command = [sys.executable, "-m", "tests.benchmarks.plain_service", str(folder / "key.json")]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.pid, int(process.stdout.readline())
        finally:
            process.kill()


def measure(name: str, pid: int, port: int, message: Callable[[str], bytes]) -> float:
    """Print the figures of a service at each number of clients, and return the least CPU that a request took."""
    asyncio.run(load(port, 4, seconds=2, message=message))
    taken = []
    for clients in CLIENTS:
        before = cpu_of(pid)
        answers = asyncio.run(load(port, clients, seconds=SECONDS, message=message))
        done = len(answers.acknowledged)
        taken.append((cpu_of(pid) - before) / done * 1000)
        print(
            f"  {name:12} {clients:3} clients  {taken[-1]:6.2f} ms of CPU  {1000 / taken[-1]:4.0f}/s per core  "
            f"p50 {answers.percentile(0.5):6.1f} ms  p99 {answers.percentile(0.99):6.1f} ms  "
            f"{answers.others} not answered with 200"
        )
    return min(taken)


def main() -> None:
    """Print the figures of both, and how many times as much CPU the plain one takes."""
    key, size = generate_key(), len(json.dumps(body()))
    print(f"{RESOURCES} resources, {size / 1000:.0f} KB, three orders, a token (ES384) a request, {SECONDS:.0f} s each")
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "keys.json").write_text(json.dumps(jwks(key)), encoding="utf-8")
        (folder / "clients.toml").write_text(
            f'[clients.ehr]\niss = "{ISSUER}"\nkeys_file = "keys.json"\n', encoding="utf-8"
        )
        message = messages(key, f"{BASE}{PATH}")
        settings = {"CDS_CLIENTS": str(folder / "clients.toml"), "CDS_PUBLIC_BASE_URL": BASE}
        with served(f"sqlite:///{folder}/decisions.db", **settings) as service:
            ours = measure("this, SQLite", service.pid, service.port, message)
        with served("memory", **settings) as service:
            in_memory = measure("this, memory", service.pid, service.port, message)
        with plain(key, folder) as (pid, port):
            theirs = measure("plain", pid, port, message)
    print(
        f"  the plain one takes {theirs / ours:.1f} times the CPU of this with SQLite, {theirs / in_memory:.1f} without"
    )
    print()
