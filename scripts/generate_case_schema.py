"""Write docs/reference/cases.schema.json: what a `cases.yaml` may say, for editors."""

from __future__ import annotations

import json
from pathlib import Path

from cds_service.authoring.case_format import case_schema

PLACE = Path(__file__).parents[1] / "docs" / "reference" / "cases.schema.json"

if __name__ == "__main__":
    PLACE.write_text(json.dumps(case_schema(), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
