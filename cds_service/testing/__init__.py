"""For tests of those who integrate with the service or write its policies: orders signed in-process, answers read.

with SandboxClient("policies", today="2026-01-15") as client:
    answer = client.sign("order.json", chart=["chart.json"])
    assert answer.outcome("63102") == "met"
"""

from cds_service.testing.answer import Answer, Refused
from cds_service.testing.client import SandboxClient

__all__ = ["Answer", "Refused", "SandboxClient"]
