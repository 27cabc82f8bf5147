"""An expression asked of a resource."""

from __future__ import annotations

from typing import Annotated

import typer

from cds_service.cli.failure import Exit, Failure
from cds_service.cli.files import json_of, write_lines
from cds_service.cli.options import Policies, date_of, folder_of
from cds_service.errors import EvaluationError, ExpressionError

__all__ = ["fhirpath"]


def fhirpath(
    expression: Annotated[str, typer.Argument(metavar="EXPRESSION", help="A FHIRPath expression.")],
    file: Annotated[str, typer.Argument(metavar="FILE|-", help="A FHIR resource or Bundle, as JSON.")],
    trace: Annotated[
        bool, typer.Option("--trace", help="Show where each item stands, the evidence, and what was looked at.")
    ] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Refuse, as policies do, elements of resources of unknown type.")
    ] = False,
    as_of: Annotated[str | None, typer.Option("--as-of", metavar="DATE", help="`today()`; by default the day.")] = None,
    policies: Policies = None,
) -> None:
    """Evaluate a FHIRPath expression on a resource.

    Each item of the answer is a line: elements as JSON, computed values as literals. No item, no line.
    Value sets and code systems are those of the policies.

    \b
    Exit codes: 0 answered, 2 wrong usage
                3 input that cannot be read, or cannot be answered from
                4 a fault in the expression, or in a policy
    """
    from cds_service.authoring.ask import ask
    from cds_service.plan_definition.artifacts import read_artifacts
    from cds_service.policy_files import read_policy_files
    from cds_service.wiring import today

    resource = json_of(file)
    if not isinstance(resource, dict) or not isinstance(resource.get("resourceType"), str):
        raise Failure(Exit.INPUT, f"{file}: there is no `resourceType`")
    artifacts = read_artifacts(read_policy_files(folder_of(policies)).artifacts)
    day = date_of(as_of) or today()
    try:
        write_lines(ask(expression, resource, as_of=day, artifacts=artifacts, strict=strict, trace=trace))
    except ExpressionError as error:
        raise Failure(Exit.CONTENT, f"expression: {error}") from None
    except EvaluationError as error:
        raise Failure(Exit.INPUT, f"{file}: {error}") from None
