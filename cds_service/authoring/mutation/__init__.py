"""Policies changed on purpose, one thing at a time, to see whether their cases notice."""

from cds_service.authoring.mutation.mutant import Mutant
from cds_service.authoring.mutation.operators import Operator
from cds_service.authoring.mutation.trial import Trial, Verdict, names_of

__all__ = ["Mutant", "Operator", "Trial", "Verdict", "names_of"]
