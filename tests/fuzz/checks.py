"""What must hold of every case: only the errors that have a name, an end, one answer, and nothing changed or told."""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from traceback import extract_tb
from types import FrameType, TracebackType
from typing import Any

from cds_service.errors import EvaluationError, ExpressionError
from cds_service.expressions.language import Expression
from cds_service.fhirpath.items import raw
from tests.charts import ROOT
from tests.fuzz.cases import Case
from tests.fuzz.charts import CANARIES

__all__ = ["CPU_SECONDS", "Examined", "Fault", "OutOfTime", "examine", "within"]

CPU_SECONDS = 5.0
"""What compiling, or one evaluation, may take; a hostile expression meets its limit in some two seconds."""

_HALF = re.compile("[\ud800-\udfff]")
_TOLD = tuple(str(one).casefold() for one in CANARIES)


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that must not be: what, and where it came from or how it shows."""

    what: str
    where: str
    shown: str = ""
    """What may differ from case to case where the fault is the same."""

    def __str__(self) -> str:
        """Return the fault in one line."""
        return ": ".join(one for one in (self.what, self.where, self.shown) if one)

    def __eq__(self, other: object) -> bool:
        """Return whether this is the same fault, met in another case."""
        return isinstance(other, Fault) and (self.what, self.where) == (other.what, other.where)

    def __hash__(self) -> int:
        """Return what the same faults share."""
        return hash((self.what, self.where))


@dataclass(frozen=True, slots=True)
class Examined:
    """What became of a case: the name of its outcome, the CPU time of its slowest part, the fault if there is one."""

    outcome: str
    seconds: float
    fault: Fault | None = None


@dataclass(frozen=True, slots=True)
class _Told:
    """What one question was answered with: a value, written out, or an error by its name."""

    outcome: str
    value: Any = None

    @property
    def limited(self) -> bool:
        return self.outcome.startswith("LimitExceeded")


class _Met(Exception):
    """A fault was met; the case is at its end."""

    def __init__(self, what: str, where: str, shown: str = "") -> None:
        super().__init__()
        self.fault = Fault(what, where, shown)


class OutOfTime(BaseException):
    """The CPU time is used up. No handler for errors stops this."""


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Interrupt what takes more CPU time; it can be interrupted between two instructions of Python only."""

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        raise OutOfTime

    before = signal.signal(signal.SIGPROF, interrupt)
    signal.setitimer(signal.ITIMER_PROF, seconds, 1)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def examine(case: Case, *, cpu_seconds: float = CPU_SECONDS) -> Examined:
    """Return what becomes of a case."""
    watch = _Watch(cpu_seconds)
    try:
        return Examined(_outcome(case, watch), watch.slowest)
    except _Met as met:
        return Examined("fault", watch.slowest, met.fault)


def _outcome(case: Case, watch: _Watch) -> str:
    before = repr(case.chart)
    told, expression = watch.ask("compile", case.compiled, ExpressionError)
    if expression is None:
        return told.outcome
    answers, again = [_answers(expression, case, before, watch) for _ in range(2)]
    for name, first in answers.items():
        if not _agree(first, again[name]):
            raise _Met("a second evaluation differs", name, f"{_brief(first)}, then {_brief(again[name])}")
    _compare(answers)
    return answers["items"].outcome


class _Watch:
    """Asks, and counts the CPU time that it takes."""

    def __init__(self, cpu_seconds: float) -> None:
        self.cpu_seconds = cpu_seconds
        self.slowest = 0.0

    def ask(self, name: str, question: Callable[[], Any], named: type[Exception]) -> tuple[_Told, Any]:
        """Return the name of the outcome with the answer, None for an error of the kind `named`."""
        started = time.process_time()
        try:
            with within(self.cpu_seconds):
                return _Told("answer"), question()
        except _Met:
            raise
        except named as error:
            _refuse_values(name, f"{error} {error!r}")
            return _Told(_name(error)), None
        except OutOfTime as late:
            raise _Met("it does not end", name, _innermost(late.__traceback__)) from None
        except Exception as error:
            raise _Met(f"{type(error).__name__}", _innermost(error.__traceback__), f"in {name}") from None
        finally:
            self.slowest = max(self.slowest, time.process_time() - started)


def _name(error: Exception) -> str:
    """Return the name of an error with what tells it from others of its name: `Missing: unreadable`."""
    detail = next((str(found) for key in ("limit", "code") if (found := getattr(error, key, ""))), "")
    detail = detail or (error.kind if isinstance(error, ExpressionError) else "")
    return f"{type(error).__name__}: {detail}" if detail else type(error).__name__


def _refuse_values(name: str, text: str) -> None:
    if any(one in text.casefold() for one in _TOLD):
        raise _Met("a message holds a value of the chart", name, text)


def _innermost(at: TracebackType | None) -> str:
    """Return the innermost place in this project: file, function and line."""
    ours = [one for one in extract_tb(at) if Path(one.filename).is_relative_to(ROOT) and "/.venv/" not in one.filename]
    return f"{Path(ours[-1].filename).name}, {ours[-1].name}, line {ours[-1].lineno}"


# -- what an expression is asked, and how the answers belong together ------------------------------------------


def _answers(expression: Expression, case: Case, before: str, watch: _Watch) -> dict[str, _Told]:
    """Return what the expression answers to each question, asked of a chart that was `before`."""
    _, environment = watch.ask("environment", case.environment, EvaluationError)
    questions: dict[str, Callable[[], Any]] = {
        "items": lambda: [_written(raw(one)) for one in expression.items(environment)],
        "truth": lambda: expression.truth(environment),
        "located": lambda: _places(expression.located(environment)),
        "answer": lambda: _with_places(*expression.answer(environment)),
        "evidence": lambda: [str(place) for place in expression.evidence(environment)],
        "refusals": lambda: [_refusal(one) for one in expression.refusals(environment)],
        "items again": lambda: [_written(raw(one)) for one in expression.items(environment)],
    }
    answers = {}
    for name, question in questions.items():
        told, value = watch.ask(name, question, EvaluationError)
        outcome = told.outcome
        if outcome == "answer":
            outcome = "values" if value else "nothing"
        answers[name] = _Told(outcome, value)
    if repr(case.chart) != before:
        raise _Met("the chart was changed", "")
    return answers


def _written(value: Any) -> str:
    if isinstance(value, str) and _HALF.search(value):
        raise _Met("a text holds half a character", "", ascii(value)[:100])
    return f"{type(value).__name__} {value!r}"


def _places(found: Sequence[Any]) -> list[tuple[str, str]]:
    def place(at: Any) -> str:
        return ", ".join(map(str, at)) if isinstance(at, tuple) else str(at or "")

    return [(_written(raw(item)), place(at)) for item, at in found]


def _with_places(truth: Any, places: Sequence[Any]) -> tuple[Any, list[str]]:
    return truth, [str(place) for place in places]


def _refusal(one: Any) -> tuple[str, str, bool]:
    _refuse_values("refusals", one.condition)
    return str(one.location), one.condition, one.unknown


def _compare(answers: dict[str, _Told]) -> None:
    items, truth, located, answer = (answers[name] for name in ("items", "truth", "located", "answer"))
    bare = _Told(located.outcome, None if located.value is None else [item for item, _ in located.value])
    pairs = {
        "items and items again": (items, answers["items again"]),
        "items and located": (items, bare),
        "truth and answer": (
            _Told("told" if truth.outcome in _HAD else truth.outcome, truth.value),
            _Told("told", answer.value[0]) if answer.value else answer,
        ),
        "answer and evidence": (
            _Told("told", answer.value[1]) if answer.value else answer,
            _Told("told", answers["evidence"].value) if answers["evidence"].outcome in _HAD else answers["evidence"],
        ),
    }
    for name, (one, other) in pairs.items():
        if name == "answer and evidence" and not one.value and other.outcome == "told" and not other.value:
            continue  # an expression without evidence has none, whatever becomes of the answer
        if not _agree(one, other):
            raise _Met("answers disagree", name, f"{_brief(one)}, but {_brief(other)}")
    _compare_truth(items, truth)


_HAD = ("values", "nothing")


def _compare_truth(items: _Told, truth: _Told) -> None:
    """The truth of a collection is its only boolean, true of another only item, unknown of none."""
    if items.outcome not in _HAD or truth.outcome not in _HAD:
        return
    expected = {"bool True": True, "bool False": False}.get(items.value[0], True) if items.value else None
    if truth.value is not expected:
        raise _Met("answers disagree", "items and truth", f"{_brief(items)}, but {truth.value}")


def _agree(one: _Told, other: _Told) -> bool:
    """Return whether two answers are the same; one that costs more may meet a limit that the other does not."""
    return one.limited or other.limited or one == other


def _brief(told: _Told) -> str:
    value = "" if told.value is None else f" {told.value}"
    return f"{told.outcome}{value}"[:300]
