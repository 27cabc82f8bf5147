"""The service serves over TLS by itself, where nothing in front of it does."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from cds_service.client import Caller, CallFailed
from tests.made_up import write_policy
from tests.unit.ehr.test_transport import certified


@pytest.mark.requirement("D8")
def test_with_a_certificate_it_answers_over_tls_only(tmp_path: Path) -> None:
    certified("localhost", tmp_path)
    policies = write_policy(tmp_path / "policies")
    tls = ["--tls-certificate", tmp_path / "cert.pem", "--tls-key", tmp_path / "key.pem"]
    command = [sys.executable, "-m", "cds_service", "serve", "--mode", "sandbox", "--port", "0", "--policies", policies]
    with subprocess.Popen(
        [*map(str, command), *map(str, tls)], cwd=tmp_path, stderr=subprocess.PIPE, text=True
    ) as server:
        assert server.stderr is not None
        try:
            told = next(line for line in server.stderr if "https://" in line)
            address = told.split()[1].rstrip(",")
            caller = Caller(30, verify_tls=False)
            assert caller.get(f"{address}/cds-services").status == 200
            with pytest.raises(CallFailed):
                caller.get(f"{address.replace('https', 'http', 1)}/cds-services")
        finally:
            server.terminate()
