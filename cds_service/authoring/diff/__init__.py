"""Two releases of policies compared: what changed, in words, and which cases come out otherwise."""

from cds_service.authoring.diff.cases import CaseChange, CaseRun
from cds_service.authoring.diff.changes import Change
from cds_service.authoring.diff.release import Diff, PolicyDiff, Release, compare, read_release
from cds_service.authoring.diff.words import as_json, as_page

__all__ = [
    "CaseChange",
    "CaseRun",
    "Change",
    "Diff",
    "PolicyDiff",
    "Release",
    "as_json",
    "as_page",
    "compare",
    "read_release",
]
