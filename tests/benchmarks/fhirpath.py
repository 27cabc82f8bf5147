"""Five criteria over bundles of 60 and 600 entries: this engine beside fhirpathpy and fhirpath.js, in one run.

The bundle generator and the criteria are those of the conformance folder (CONFORMANCE_DIR, bench/bundle.py).
fhirpath.js needs Node; see tests/peers.py.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from runpy import run_path
from typing import Any

import fhirpathpy
from fhirpathpy.models import models

from cds_service.expressions.language import Environment, Scope
from cds_service.fhir.record import PatientRecord
from cds_service.fhir.temporal import Date
from cds_service.fhirpath import compile_fhirpath
from tests import peers

COLUMNS = (
    "criterion", "this engine", "with evidence", "fhirpathpy", "fhirpath.js",
    "× fhirpathpy", "× fhirpath.js", "× with evidence",
)  # fmt: skip
SCRIPT = """
const fhirpath = require('fhirpath'), r4 = require('fhirpath/fhir-context/r4');
const {bundle, expressions, rounds} = JSON.parse(require('fs').readFileSync(0));
const times = {};
for (const [name, source] of Object.entries(expressions)) {
  const compiled = fhirpath.compile(source, r4), run = () => compiled(bundle, {resource: bundle});
  const answer = run();
  if (answer.length !== 1 || answer[0] !== true) throw new Error(name + ' is not true');
  for (let i = 0; i < rounds; i++) run();
  let best = Infinity;
  for (let k = 0; k < 5; k++) {
    const start = process.cpuUsage();
    for (let i = 0; i < rounds; i++) run();
    const used = process.cpuUsage(start);
    best = Math.min(best, (used.user + used.system) / rounds);
  }
  times[name] = best;
}
console.log(JSON.stringify(times));
"""


def best(run: Callable[[], Any], rounds: int) -> float:
    """Return the CPU time of one run in microseconds: the best of five series, the first left out."""
    run()
    times = []
    for _ in range(5):
        start = time.process_time_ns()
        for _ in range(rounds):
            run()
        times.append((time.process_time_ns() - start) / rounds / 1000)
    return min(times)


def ours(bundle: dict[str, Any], source: str, rounds: int, *, traced: bool) -> float:
    """Return what one evaluation takes, compiled before; `traced` with the evidence and its paths."""
    compiled = compile_fhirpath(source, Scope())
    environment = Environment(PatientRecord("p1", ()), Date((2025, 11, 20)), values={}, defined={})
    environment.focus = bundle

    def run() -> None:
        holds = compiled.answer(environment)[0] if traced else compiled.truth(environment)
        if holds is not True:
            raise AssertionError(source)

    return best(run, rounds)


def theirs(bundle: dict[str, Any], source: str, rounds: int) -> float:
    """Return what fhirpathpy takes, compiled before."""
    compiled = fhirpathpy.compile(source, models["r4"])
    return best(lambda: compiled(bundle, {"resource": bundle}), rounds)


def in_node(bundle: dict[str, Any], expressions: Mapping[str, str], rounds: int) -> dict[str, float]:
    """Return what fhirpath.js takes, or nothing where there is no Node or it cannot be installed."""
    given = {"bundle": bundle, "expressions": dict(expressions), "rounds": rounds}
    times: dict[str, float] = peers.node(SCRIPT, given) if peers.install() else {}
    return times


def main() -> None:
    """Print microseconds of CPU per evaluation, and the ratios."""
    folder = os.environ.get("CONFORMANCE_DIR")
    if not folder:
        print("FHIRPath: CONFORMANCE_DIR is not set; it holds the bundle generator and the criteria\n")
        return
    bench = run_path(str(Path(folder) / "bench" / "bundle.py"))
    for entries in (60, 600):
        text = json.dumps(bench["make"](entries))
        ready, plain = json.loads(text, parse_float=Decimal), json.loads(text)
        scale = 60 / entries
        js = in_node(plain, bench["EXPR"], int(2000 * scale))
        print(f"FHIRPath, {entries} entries: microseconds of CPU for one evaluation, compiled before")
        print(f"| {' | '.join(COLUMNS)} |")
        print(f"|---{'|--:' * (len(COLUMNS) - 1)}|")
        for name, source in bench["EXPR"].items():
            own = ours(ready, source, int(2000 * scale), traced=False)
            traced = ours(ready, source, int(2000 * scale), traced=True)
            peer = theirs(plain, source, max(3, int(20 * scale)))
            other = js.get(name)
            print(
                f"| {name} | {own:.1f} | {traced:.1f} | {peer:.0f} | {f'{other:.0f}' if other else '–'} "
                f"| {peer / own:.0f} | {f'{other / own:.1f}' if other else '–'} | {traced / own:.2f} |"
            )
        print()
