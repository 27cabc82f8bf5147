"""compose.yaml and its proxy: hardened, consistent, with no secret in it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from cds_service.settings import SECRETS_DIR, Settings
from cds_service.store.engine import database_url
from cds_service.store.payload import Keys
from tests.charts import ROOT

FOLDER = ROOT / "deploy" / "compose"
KNOWN = {SECRETS_DIR, *(f"CDS_{name}".upper() for name in Settings.model_fields)}


@cache
def compose() -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load((FOLDER / "compose.yaml").read_text())
    return read


def services() -> dict[str, Any]:
    found: dict[str, Any] = compose()["services"]
    return found


@pytest.mark.parametrize("name", ["database", "grants", "proxy", "schema", "service"])
def test_no_service_may_do_more_than_it_needs(name: str) -> None:
    one = services()[name]
    assert one["read_only"] is True
    assert one["cap_drop"] == ["ALL"]
    assert one["security_opt"] == ["no-new-privileges:true"]
    assert one["pids_limit"]
    assert not one.get("privileged")


def test_only_the_proxy_is_reached_from_outside() -> None:
    assert [name for name, one in services().items() if "ports" in one] == ["proxy"]
    assert compose()["networks"]["back"] == {"internal": True}
    assert services()["database"]["networks"] == ["back"]
    assert "back" not in services()["proxy"]["networks"]


def test_all_that_is_named_is_there() -> None:
    for name, one in services().items():
        assert set(one.get("networks", ())) <= compose()["networks"].keys(), name
        assert set(one.get("depends_on", ())) <= services().keys(), name
        sources = {given["source"] if isinstance(given, dict) else given for given in one.get("secrets", ())}
        assert sources <= compose()["secrets"].keys(), name


def test_what_is_waited_for_can_come() -> None:
    """A service that others wait for until it is healthy says when it is; ours by its image."""
    for one in services().values():
        for other, condition in one.get("depends_on", {}).items():
            if condition["condition"] == "service_healthy":
                assert other == "service" or "healthcheck" in services()[other]
            else:
                assert services()[other]["restart"] == "no"


@pytest.mark.parametrize("name", ["schema", "service"])
def test_every_setting_is_one_that_the_service_knows(name: str) -> None:
    assert services()[name]["environment"].keys() <= KNOWN
    assert services()[name]["environment"][SECRETS_DIR] == "/run/secrets"


def test_no_secret_stands_in_the_environment() -> None:
    for one in services().values():
        for name in one.get("environment", {}):
            assert not re.search("KEY|TOKEN|URL|PASSWORD(?!_FILE)", name.replace("PUBLIC_BASE_URL", "")), name


def test_the_service_may_end_what_it_began() -> None:
    given = services()["service"]
    assert int(given["stop_grace_period"].rstrip("s")) > int(given["environment"]["CDS_SHUTDOWN_SECONDS"])


def test_the_secrets_are_made_once_and_the_service_can_read_them(tmp_path: Path) -> None:
    shutil.copy(FOLDER / "make_secrets.sh", tmp_path)
    made = []
    for _ in range(2):
        subprocess.run(["/bin/sh", str(tmp_path / "make_secrets.sh")], check=True, timeout=60)
        made.append({one.name: one.read_text() for one in (tmp_path / "secrets").iterdir()})
    assert made[0] == made[1]
    assert made[0].keys() == compose()["secrets"].keys()
    assert len(Keys.of(made[0]["cds_encryption_keys"]).names) == 1
    assert database_url(made[0]["cds_database_url"]).username == "cds_service"
    assert database_url(made[0]["owner_database_url"]).password == made[0]["owner_password"]
    assert (tmp_path / "secrets").stat().st_mode & 0o777 == 0o700


def test_secrets_are_not_committed() -> None:
    ignored = (FOLDER / ".gitignore").read_text().split()
    assert {"secrets/", "tls/", "config/"} <= set(ignored)


@pytest.mark.parametrize("script", ["grants.sh", "make_secrets.sh"])
def test_scripts_parse_and_can_be_run(script: str) -> None:
    assert os.access(FOLDER / script, os.X_OK)
    subprocess.run(["/bin/sh", "-n", str(FOLDER / script)], check=True, timeout=60)


# -- the proxy ----------------------------------------------------------------------------------------------------


def directive(name: str) -> str:
    found = re.findall(rf"^\s*{name}\s+([^;]+);", (FOLDER / "nginx.conf").read_text(), re.MULTILINE)
    assert len(found) == 1, name
    return str(found[0])


@pytest.mark.parametrize("name", ["client_header_timeout", "client_body_timeout", "send_timeout", "keepalive_timeout"])
def test_who_is_slow_is_not_waited_for(name: str) -> None:
    assert int(directive(name).rstrip("s")) <= 30


def test_the_service_sees_whole_requests_and_no_larger_ones_than_it_takes() -> None:
    assert directive("proxy_request_buffering") == "on"
    assert directive("client_max_body_size") == "10m"
    assert Settings().max_body_bytes <= 10 * 1024**2
    assert int(directive("proxy_read_timeout").rstrip("s")) * 1000 > Settings().deadline_ms


def test_who_sends_too_much_is_told_so() -> None:
    assert directive("limit_req_status") == directive("limit_conn_status") == "429"
    assert directive("limit_req") == "zone=requests burst=400 nodelay"


def test_tls_is_of_today_and_stays() -> None:
    assert directive("ssl_protocols") == "TLSv1.2 TLSv1.3"
    assert directive("add_header").startswith("Strict-Transport-Security")


def test_nobody_outside_says_who_a_user_is_or_asks_for_health() -> None:
    text = (FOLDER / "nginx.conf").read_text()
    assert f'proxy_set_header {Settings().reviewer_header} "";' in text
    assert re.search(r"location /health/ \{\s*return 404;", text)


def test_the_log_holds_no_address_and_no_query() -> None:
    logged = directive("log_format")
    assert not re.search(
        r"\$(request|request_uri|uri|args|http_\w+|remote_addr)\b", logged.replace("$request_time", "")
    )


def test_every_block_is_closed() -> None:
    text = re.sub(r"#.*", "", (FOLDER / "nginx.conf").read_text())
    assert text.count("{") == text.count("}")
    for line in filter(None, map(str.strip, text.splitlines())):
        assert line[-1] in "{};", line
