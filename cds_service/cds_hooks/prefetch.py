"""Prefetch: the queries a service asks its clients to run, and what came of each.

Source: CDS Hooks 2.0.1, Prefetch Template; Prefetch tokens; Prefetch query restrictions.
"""

import re
from collections.abc import Mapping
from enum import Enum
from typing import Any, Final
from urllib.parse import quote

from cds_service.cds_hooks.errors import ProtocolError
from cds_service.cds_hooks.hooks import CONTEXTS, HookContext
from cds_service.cds_hooks.message import to_json_object

__all__ = ["PrefetchState", "check", "fill", "state_of", "tokens"]

TOKEN = re.compile(r"\{\{([^{}]*)\}\}")

USER_TOKENS: Final = {
    "userPractitionerId": "Practitioner",
    "userPractitionerRoleId": "PractitionerRole",
    "userPatientId": "Patient",
    "userRelatedPersonId": "RelatedPerson",
}
"""Token → the type of user whose id it stands for."""

REFERENCE_TOKENS: Final = ("{{context.userId}}", "{{context.performer}}")
"""Tokens that stand for `Type/id`: alone, they are a read."""

READ = re.compile(r"[A-Z][A-Za-z]*/[A-Za-z0-9.-]+")
RESOURCE_TYPE = re.compile(r"[A-Z][A-Za-z]*")

PARAMETER = re.compile(r"_(count|id|lastUpdated|security|sort|tag)|[a-z][a-z0-9-]*(:in)?")
"""Names in the recommended subset: no chain, no _include, no modifier but `:in`."""

EXCLUDED_DATE_PREFIX = re.compile(r"(ap|eb|ne|sa)\d{4}-\d\d")
"""Only eq, lt, gt, ge and le are in the subset. A month is asked for, as codes begin with letters too."""

RELATIVE_STEP = re.compile(r"(^|/)\.\.?(/|$)")

FAILURES: Final = ("error", "fatal")
"""Severities of an OperationOutcome's issue. Source: FHIR R4, IssueSeverity."""


class PrefetchState(Enum):
    """What is known of one prefetch key.

    Only NONE and EMPTY say that there is nothing to be found.
    """

    MISSING = "missing"
    """The client did not answer this query: fetch it."""
    NONE = "none"
    """Null: asked, and nothing is there."""
    FAILED = "failed"
    """An OperationOutcome, alone or in a Bundle: asked, and it went wrong. Do not ask the same again."""
    EMPTY = "empty"
    """A Bundle that holds nothing: asked, and nothing is there."""
    PARTIAL = "partial"
    """A Bundle with a next page, or with an error beside its entries: there is more."""
    SUPPLIED = "supplied"
    """The whole answer is here."""


def tokens(template: str) -> tuple[str, ...]:
    """Return what stands between `{{` and `}}`, in order, such as `context.patientId`."""
    return tuple(TOKEN.findall(template))


def check(template: str, *, key: str, hook: str) -> None:
    """Raise `ProtocolError` if clients of CDS Hooks 2.0 cannot be expected to run the template.

    That is: a token other than the hook's primitive root-level members and the
    four user ids; a request other than a read (`Type/id`) or a search (`Type?…`);
    a search outside the recommended subset. `key` is the template's prefetch key.
    Raises `KeyError` if `hook` is not in `CONTEXTS`.
    """
    path = f"prefetch.{key}"
    allowed = {*USER_TOKENS, *(f"context.{name}" for name in CONTEXTS[hook].TOKENS)}
    if not allowed.issuperset(tokens(template)):
        names = ", ".join(f"`{name}`" for name in sorted(allowed))
        raise ProtocolError(path, f"may use these tokens only: {names}")
    plain = TOKEN.sub("token", template)
    if "{" in plain or "}" in plain:
        raise ProtocolError(path, "must write tokens as `{{name}}`")
    if template in REFERENCE_TOKENS or READ.fullmatch(plain):
        return
    resource_type, _, query = plain.partition("?")
    if not RESOURCE_TYPE.fullmatch(resource_type) or not query:
        raise ProtocolError(path, "must be a read `Type/id` or a search `Type?parameter=value`")
    if not all(_is_in_subset(parameter) for parameter in query.split("&")):
        raise ProtocolError(path, "must keep to the search parameters that CDS Hooks recommends")


def fill(template: str, context: HookContext, *, user: str | None = None) -> str | None:
    """Return the template as a relative FHIR URL, its values URL-encoded.

    None if a token has no value in this context or is not one of 2.0: an unresolved
    token must never reach a FHIR server, which would search for it literally. `user`
    is the current user as `Type/id`, by default the context's.
    """
    values: dict[str, str] = {}
    for token in tokens(template):
        value = _value(token, context, user or context.user_id or "")
        if value is None:
            return None
        values[token] = value
    url = TOKEN.sub(lambda match: values[match[1]], template)
    return None if "{{" in url or "}}" in url else url


def state_of(prefetch: Mapping[str, Any] | None, key: str) -> PrefetchState:
    """Return what the client's prefetch says of one key.

    Missing too: anything that is not a FHIR resource, and a Bundle whose self link
    shows that a token was searched for literally (`{{context…`, often encoded).
    """
    if prefetch is None or key not in prefetch:
        return PrefetchState.MISSING
    match prefetch[key]:
        case None:
            return PrefetchState.NONE
        case {"resourceType": "OperationOutcome"}:
            return PrefetchState.FAILED
        case {"resourceType": "Bundle"} as bundle:
            return _state_of_bundle(bundle)
        case {"resourceType": str()}:
            return PrefetchState.SUPPLIED
        case _:
            return PrefetchState.MISSING


def _state_of_bundle(bundle: Mapping[str, Any]) -> PrefetchState:
    entries = bundle.get("entry") or []
    if not isinstance(entries, list) or any(_holds_token(url) for url in _links(bundle, "self")):
        return PrefetchState.MISSING
    found = any(not _is_outcome(entry) for entry in entries)
    failed = any(_is_failure(entry) for entry in entries)
    if failed and not found:
        return PrefetchState.FAILED
    if failed or _links(bundle, "next") or _has_fewer_than_its_total(bundle, entries):
        return PrefetchState.PARTIAL
    return PrefetchState.SUPPLIED if found else PrefetchState.EMPTY


def _has_fewer_than_its_total(bundle: Mapping[str, Any], entries: list[Any]) -> bool:
    total = bundle.get("total")
    return isinstance(total, int) and total > sum(_is_match(entry) for entry in entries)


def _is_match(entry: object) -> bool:
    """Tell what was searched for from what was included with it. Source: FHIR R4, Bundle.entry.search.mode."""
    match entry:
        case {"search": {"mode": str() as mode}}:
            return mode == "match"
        case _:
            return True


def _links(bundle: Mapping[str, Any], relation: str) -> list[str]:
    links = bundle.get("link")
    if not isinstance(links, list):
        return []
    return [str(link.get("url")) for link in links if isinstance(link, dict) and link.get("relation") == relation]


def _holds_token(url: str) -> bool:
    return "{{" in url or "%7b%7b" in url.lower()


def _is_outcome(entry: object) -> bool:
    match entry:
        case {"resource": {"resourceType": "OperationOutcome"}}:
            return True
        case _:
            return False


def _is_failure(entry: object) -> bool:
    """Tell an outcome that reports an error from one that only remarks on the search."""
    match entry:
        case {"resource": {"resourceType": "OperationOutcome", "issue": [*issues]}}:
            return any(isinstance(issue, dict) and issue.get("severity") in FAILURES for issue in issues)
        case _:
            return _is_outcome(entry)


def _is_in_subset(parameter: str) -> bool:
    name, _, value = parameter.partition("=")
    return bool(PARAMETER.fullmatch(name) and value and not EXCLUDED_DATE_PREFIX.match(value))


def _value(token: str, context: HookContext, user: str) -> str | None:
    match token.split("."):
        case ["context", "patientId"]:
            return _encode(context.patient)
        case ["context", "encounterId"]:
            return _encode(context.encounter)
        case ["context", name] if name in context.TOKENS:
            return _encode(to_json_object(context).get(name))
        case [name] if name in USER_TOKENS:
            resource_type, _, identifier = user.partition("/")
            return _encode(identifier) if resource_type == USER_TOKENS[name] else None
        case _:
            return None


def _encode(value: object) -> str | None:
    """Return a string ready for a URL; None for anything else, and for steps such as `..`."""
    if not isinstance(value, str) or not value or RELATIVE_STEP.search(value):
        return None
    return quote(value, safe="/" if READ.fullmatch(value) else "")
