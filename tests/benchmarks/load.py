"""Many policies: 1,000 of five criteria each, with value sets of 5,000 codes. Start-up, memory, and one request."""

from __future__ import annotations

import gc
import json
import resource
import time
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from cds_service.plan_definition.artifacts import read_artifacts
from cds_service.plan_definition.policies import Policies, compile_policies
from cds_service.services import SERVICES
from cds_service.settings import Settings
from cds_service.wiring import Application
from tests.made_up import BASE, FINDINGS, ORDERS, PLAN, request, value_set

CRITERIA = 5
SETS, CODES = 20, 5_000
ROUNDS = 1_000


def files(count: int, *, codes: int = CODES) -> Iterator[tuple[str, str, bytes]]:
    """Yield the files of `count` policies, each with an ordered code of its own; `codes` in each value set."""
    for i in range(SETS):
        members = ("state", *(f"code-{i}-{j}" for j in range(codes - 1)))
        yield "load", f"findings-{i}.json", json.dumps(value_set(f"findings-{i}", FINDINGS, *members)).encode()
    for i in range(count):
        yield "load", f"orders-{i}.json", json.dumps(value_set(f"orders-{i}", ORDERS, _code(i))).encode()
        yield "load", f"plan-{i}.json", json.dumps(_plan(i)).encode()


def _code(i: int) -> str:
    return "replace" if i == 0 else f"replace-{i}"


def _plan(i: int) -> dict[str, Any]:
    plan = deepcopy(PLAN) | {"id": f"load-{i}", "url": f"{BASE}/PlanDefinition/load-{i}"}
    policy = plan["action"][0]
    policy["input"][0]["codeFilter"][0]["valueSet"] = f"{BASE}/ValueSet/orders-{i}"
    findings = f"{BASE}/ValueSet/findings-{i % SETS}"
    policy["input"][1]["codeFilter"][0]["valueSet"] = findings
    broken = policy["action"][0]
    policy["action"] = [deepcopy(broken) | {"id": f"broken-{k}"} for k in range(CRITERIA)]
    for one in policy["action"]:
        text = f"%findings.where(code.memberOf('{findings}') and value = 'broken').exists()"
        one["condition"][0]["expression"]["expression"] = text
    return plan


def loaded(count: int) -> tuple[Policies, float, float]:
    """Return the policies, the CPU seconds that loading took, and how many MB the process grew at its largest."""
    ready = list(files(count))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.process_time()
    policies = compile_policies(read_artifacts(ready))
    taken = time.process_time() - start
    return policies, taken, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024


def main() -> None:
    """Print start-up and memory of 1,000 policies, and the CPU of a request among them and among seven."""
    body = json.dumps(request()).encode()
    few, _, _ = loaded(7)
    many, taken, grown = loaded(1_000)
    criteria = sum(1 for plan in many.plans for _ in plan.walk())
    print(f"{len(many.plans)} policies, {criteria} criteria, {SETS} value sets of {CODES} codes")
    print(f"  start-up {taken:.1f} s of CPU, {grown:.0f} MB more")
    gc.collect()
    gc.freeze()  # as `serve` does
    applications = [Application(Settings(), policies) for policies in (few, many)]
    rounds = [[_cpu(application, body) for application in applications] for _ in range(ROUNDS)]
    among_few, among_many = map(min, zip(*rounds, strict=True))
    print(f"  a request among 7 policies {among_few:.0f} us, among 1,000 {among_many:.0f} us")
    print(f"  ratio {among_many / among_few:.2f} (asked in turn, the smallest of {ROUNDS} each)\n")


def _cpu(application: Application, body: bytes) -> float:
    """Return the CPU time of one request in microseconds."""
    start = time.process_time_ns()
    application.answer(SERVICES["necessity-order-sign"], body)
    return (time.process_time_ns() - start) / 1000
