"""The functions of the language, a file a chapter."""

from collections.abc import Mapping
from types import MappingProxyType

from cds_service.fhirpath.compiler import Function
from cds_service.fhirpath.functions import clinical, combining, conversion, existence, fhir, filtering

__all__ = ["FUNCTIONS"]

FUNCTIONS: Mapping[str, Function] = MappingProxyType(
    existence.FUNCTIONS
    | filtering.FUNCTIONS
    | combining.FUNCTIONS
    | conversion.FUNCTIONS
    | fhir.FUNCTIONS
    | clinical.FUNCTIONS
)
