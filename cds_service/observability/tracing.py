"""Spans for OpenTelemetry, one for each request and each of its steps, where the operator wants them.

Ours and no library's: a span has a name of ours and names and numbers of ours, never the text of an exception, a URL
or what a client called baggage.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from cds_service.errors import ConfigurationError

__all__ = ["begin_tracing", "end_tracing", "span", "trace_by"]

_provider: Any = None
_tracer: Any = None


def begin_tracing() -> None:
    """Send spans to where OTEL_EXPORTER_OTLP_ENDPOINT says. Raises ConfigurationError without the SDK."""
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        raise ConfigurationError("CDS_TRACING", ("needs OpenTelemetry; install `cds-service[otel]`",)) from None
    provider = TracerProvider(resource=Resource.create({"service.name": "cds-service"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace_by(provider)


def trace_by(provider: Any) -> None:
    """Give spans to a tracer provider from now on; None for none."""
    global _provider, _tracer
    _provider, _tracer = provider, provider.get_tracer("cds_service") if provider is not None else None


def end_tracing() -> None:
    """Send what is not sent yet, and end."""
    if _provider is not None:
        _provider.shutdown()


@contextmanager
def span(name: str, traceparent: str | None = None) -> Iterator[dict[str, str | int | float]]:
    """Have what happens inside seen as one span; what is put into the mapping becomes its attributes.

    `traceparent` is the caller's place in a trace, as W3C Trace Context writes it.
    """
    attributes: dict[str, str | int | float] = {}
    if _tracer is None:
        yield attributes
        return
    with _tracer.start_as_current_span(
        name, context=_context(traceparent), record_exception=False, set_status_on_exception=False
    ) as current:
        try:
            yield attributes
        finally:
            current.set_attributes({f"cds.{key}": value for key, value in attributes.items()})


def _context(traceparent: str | None) -> Any:
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    return TraceContextTextMapPropagator().extract({"traceparent": traceparent}) if traceparent else None
