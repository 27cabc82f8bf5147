"""How functions are declared: a signature, a docstring for the reference page, and what makes code of a call."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from inspect import cleandoc

from cds_service.fhirpath.code import Code
from cds_service.fhirpath.invocation import Function, Invocation

__all__ = ["Chapter"]

_SIGNATURE = re.compile(r"(\w+)\((.*)\)")
_MANY = 20
Build = Callable[[Invocation], Code]


@dataclass(frozen=True)
class Chapter:
    """The functions of one chapter of the specification, by name."""

    title: str
    source: str
    functions: dict[str, Function] = field(default_factory=dict)

    def add(self, signature: str, doc: str, build: Build) -> None:
        """Declare a function; `signature` is as `name(a, b?)`, with `?` after what may be left out and `…` for more."""
        found = _SIGNATURE.fullmatch(signature)
        if found is None:
            raise ValueError(signature)
        name, arguments = found[1], [one.strip() for one in found[2].split(",") if one.strip()]
        fewest = sum(not one.endswith(("?", "…")) for one in arguments)
        most = _MANY if arguments and arguments[-1].endswith("…") else len(arguments)
        self.functions[name] = Function(signature, build, cleandoc(doc), fewest, most)

    def function(self, signature: str) -> Callable[[Build], Build]:
        """Declare the decorated function, with its docstring."""

        def declare(build: Build) -> Build:
            self.add(signature, build.__doc__ or "", build)
            return build

        return declare
