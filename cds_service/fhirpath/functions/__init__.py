"""The functions of the language, a file a chapter."""

from collections.abc import Mapping
from types import MappingProxyType

from cds_service.fhirpath.functions import (
    clinical,
    combining,
    conversion,
    existence,
    fhir,
    filtering,
    math,
    navigation,
    strings,
    subsetting,
    utility,
)
from cds_service.fhirpath.invocation import Function

__all__ = ["CHAPTERS", "FUNCTIONS"]

CHAPTERS = (
    existence.CHAPTER,
    filtering.CHAPTER,
    subsetting.CHAPTER,
    combining.CHAPTER,
    conversion.CHAPTER,
    strings.CHAPTER,
    math.CHAPTER,
    navigation.CHAPTER,
    utility.CHAPTER,
    fhir.CHAPTER,
    clinical.CHAPTER,
)
FUNCTIONS: Mapping[str, Function] = MappingProxyType(
    {name: function for chapter in CHAPTERS for name, function in chapter.functions.items()}
)
