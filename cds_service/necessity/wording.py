"""Words that every rendering of a determination shares, and text that is safe to put on a line."""

from __future__ import annotations

import re
import unicodedata

from cds_service.necessity.lifecycle import Rule
from cds_service.necessity.model import Determination
from cds_service.plan_definition.profile import Reason

__all__ = ["REASON_WORDS", "printable", "stamp_of"]

REASON_WORDS = {
    Reason.ABSENT: "nothing on record",
    Reason.STALE: "too old, or from before the last operation",
    Reason.PRELIMINARY: "not final or not confirmed",
    Reason.NARRATIVE_ONLY: "at most in free text, which is not read",
    Reason.AMBIGUOUS: "can be read in more than one way",
    Reason.CONFLICT: "the record contradicts itself",
    Reason.UNREADABLE: "could not be read",
}
"""Why a criterion is unknown."""


def stamp_of(determination: Determination) -> str | None:
    """Return what a sandbox stamps on a determination: that no clinician stands behind the policy that made it."""
    refused = determination.refusal
    if refused is None:
        return None
    kind = "DRAFT POLICY" if refused.rule is Rule.ACTIVE else "POLICY NOT RELEASED"
    return f"{kind} - NOT FOR CLINICAL USE"


_ESCAPE_SEQUENCE = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b.")


def printable(text: object) -> str:
    """Return text on one line, without escape sequences and without characters that a reader cannot see."""
    plain = str(text)
    if plain.isprintable():  # as nearly all text is; of white space only the space itself
        return plain if "  " not in plain and plain == plain.strip(" ") else " ".join(plain.split())
    plain = _ESCAPE_SEQUENCE.sub("", plain)
    plain = "".join(" " if unicodedata.category(one)[0] == "C" else one for one in plain)
    return " ".join(plain.split())
