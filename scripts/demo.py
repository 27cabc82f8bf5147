"""The main job on the two seed cases: a signed order goes in, a determination per ordered code comes out."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
CASES = {
    "seed-1": "A child, second operation at L1 after a debulking: corpectomy, cage, reinsertion of fixation",
    "seed-2": "An adult, osteosarcoma of the left pelvis: radical resection, sacral corpectomy, sciatic neuroplasty",
}


def main() -> int:
    """Show both cases as text; return the first exit code that is not 0."""
    for name, title in CASES.items():
        request = f"fixtures/cds_hooks/{name}-order-sign.json"
        print(f"\n=== {title}\n    cds-service evaluate --format text {request}\n", flush=True)
        command = [sys.executable, "-m", "cds_service", "evaluate", "--format", "text", request]
        done = subprocess.run(command, cwd=ROOT, check=False)  # noqa: S603 - our own command
        if done.returncode:
            return done.returncode
    print(
        "\nThe same as CDS Hooks cards:"
        "\n  .venv/bin/cds-service evaluate --pretty fixtures/cds_hooks/seed-1-order-sign.json"
        "\nAs a service: make run, then\n"
        "  curl -s -d @fixtures/cds_hooks/seed-1-order-sign.json -H 'content-type: application/json' \\\n"
        "       http://127.0.0.1:8000/cds-services/necessity-order-sign"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
