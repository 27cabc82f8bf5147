"""Metrics for Prometheus. Labels are names of ours, of policies and codes: never an id or a value of a chart."""

from __future__ import annotations

import os

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram, start_http_server
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from cds_service.observability.processes import SEVERAL_PROCESSES
from cds_service.observability.seen import Seen

__all__ = [
    "count",
    "count_reload",
    "forget_worker",
    "measure_policies",
    "measure_store",
    "measure_workers",
    "serve_metrics",
]

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8)
_requests = Counter("cds_requests", "Requests that were answered.", ["service", "status"])
_request_seconds = Histogram("cds_request_seconds", "How long answers took.", ["service"], buckets=_SECONDS)
_step_seconds = Histogram("cds_step_seconds", "How long each step of an answer took.", ["step"], buckets=_SECONDS)
_determinations = Counter("cds_determinations", "Determinations, by policy and outcome.", ["policy", "outcome"])
_queries = Counter("cds_fhir_queries", "Queries to EHRs, by why not all was read, else `complete`.", ["result"])
_refused = Counter("cds_calls_refused", "Calls that were not authenticated, by reason.", ["reason"])
_reloads = Counter("cds_policy_reloads", "Times that policies were read again.", ["result"])
_policies = Gauge(
    "cds_policies_info", "1 for the revision of the policies that decide.", ["revision"], multiprocess_mode="livemax"
)
_stale = Gauge("cds_policies_stale", "Whether newer policies could not be used.", multiprocess_mode="livemax")
_lacking = Gauge("cds_workers_lacking", "Whether a worker cannot be started.", multiprocess_mode="livemax")
_writable = Gauge("cds_store_writable", "Whether decisions can be kept in the database.", multiprocess_mode="livemin")
_queued = Gauge("cds_store_queued", "Decisions that wait to be kept.", multiprocess_mode="livesum")
_spilled = Gauge("cds_store_spilled", "Decisions in spill files.", multiprocess_mode="livemax")
_damaged = Gauge("cds_store_damaged", "Lines of spill files that cannot be read.", multiprocess_mode="livemax")


def count(seen: Seen, service: str, status: int | None, seconds: float) -> None:
    """Count a request that has ended; `status` is None where nobody was left to be answered."""
    _requests.labels(service, status or "none").inc()
    _request_seconds.labels(service).observe(seconds)
    for name, taken in seen.seconds.items():
        _step_seconds.labels(name).observe(taken)
    for (policy, outcome), how_many in seen.determined.items():
        _determinations.labels(policy, outcome).inc(how_many)
    for result, how_many in seen.fetched.items():
        _queries.labels(result).inc(how_many)
    if seen.refused:
        _refused.labels(seen.refused).inc()


def count_reload(*, used: bool) -> None:
    """Count that policies were read again, and whether they decide now."""
    _reloads.labels("used" if used else "refused").inc()


def measure_policies(revision: str, *, before: str | None = None, stale: bool = False) -> None:
    """Note which policies decide, and which did `before`."""
    if before is not None:
        _policies.labels(before).set(0)
    _policies.labels(revision).set(1)
    _stale.set(stale)


def measure_workers(*, lacking: bool) -> None:
    """Note whether a worker cannot be started."""
    _lacking.set(lacking)


def measure_store(*, writable: bool, queued: int, spilled: int, damaged: int) -> None:
    """Note how the store is."""
    _writable.set(writable)
    _queued.set(queued)
    _spilled.set(spilled)
    _damaged.set(damaged)


def serve_metrics(host: str, port: int) -> None:
    """Answer `GET /metrics` at an address of its own until the process ends. Raises OSError where it is taken."""
    registry = REGISTRY
    if SEVERAL_PROCESSES in os.environ:
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    start_http_server(port, host, registry)


def forget_worker(pid: int) -> None:
    """Leave out of the gauges what a process said that has ended; what it counted stays."""
    mark_process_dead(pid)  # type: ignore[no-untyped-call]
