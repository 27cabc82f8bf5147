"""The Helm chart: what it renders is hardened, probes what exists, and sets what the service knows."""

from __future__ import annotations

import shutil
import subprocess
from typing import Any

import pytest
import yaml

from cds_service import __version__
from cds_service.settings import SECRETS_DIR, Settings
from tests.deploy.chart import CHART, render, values
from tests.deploy.settings import routes

KNOWN = {SECRETS_DIR, *(f"CDS_{name}".upper() for name in Settings.model_fields)}


def pod(**overriding: Any) -> dict[str, Any]:
    spec: dict[str, Any] = render(**overriding)["Deployment"]["spec"]["template"]["spec"]
    return spec


def container(**overriding: Any) -> dict[str, Any]:
    (only,) = pod(**overriding)["containers"]
    assert isinstance(only, dict)
    return only


def test_it_renders_what_a_service_needs() -> None:
    assert render().keys() == {"Deployment", "NetworkPolicy", "PodDisruptionBudget", "Service"}
    assert "Job" in render(schema={"secretName": "owner"})


def test_the_versions_are_those_of_the_service() -> None:
    about = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert about["appVersion"] == __version__
    assert container()["image"] == f"cds-service:{__version__}"


def test_a_digest_counts_before_a_tag() -> None:
    image = values()["image"] | {"digest": "sha256:0123"}
    assert container(image=image)["image"] == "cds-service@sha256:0123"


@pytest.mark.parametrize("kind", ["Deployment", "Job"])
def test_no_container_may_do_more_than_it_needs(kind: str) -> None:
    spec = render(schema={"secretName": "owner"})[kind]["spec"]["template"]["spec"]
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert spec["automountServiceAccountToken"] is False
    for one in spec["containers"]:
        assert one["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert "memory" in one["resources"]["limits"]


def test_every_probe_asks_a_route_that_exists_at_a_port_that_is_open() -> None:
    one = container()
    ports = {port["name"] for port in one["ports"]}
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        asked = one[probe]["httpGet"]
        assert asked["path"] in routes()
        assert asked["port"] in ports
    assert one["readinessProbe"]["httpGet"]["path"] == "/health/ready"


def test_every_setting_is_one_that_the_service_knows() -> None:
    named = {one["name"] for one in container(policiesConfigMap="policies")["env"]}
    assert named <= KNOWN
    assert "CDS_POLICIES" in named


def test_the_settings_are_accepted(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    for one in container()["env"]:
        monkeypatch.setenv(one["name"], one["value"] if one["name"] != SECRETS_DIR else str(tmp_path))
    assert Settings().mode == "production"


def test_secrets_are_referred_to_and_never_in_the_values() -> None:
    assert not {"CDS_DATABASE_URL", "CDS_ENCRYPTION_KEYS"} & {one["name"] for one in container()["env"]}
    (volume,) = [one for one in pod()["volumes"] if "secret" in one]
    assert volume["secret"] == {"secretName": "cds-service", "defaultMode": 0o440}


def test_every_mount_has_its_volume() -> None:
    for given in ({}, {"policiesConfigMap": "policies"}):
        mounted = {one["name"] for one in container(**given)["volumeMounts"]}
        assert mounted == {one["name"] for one in pod(**given)["volumes"]}


def test_there_is_time_to_end_what_was_begun() -> None:
    waits = int(values()["settings"]["CDS_SHUTDOWN_SECONDS"]) + 5
    assert pod()["terminationGracePeriodSeconds"] > waits


def test_all_select_the_same_pods() -> None:
    found = render()
    labels = found["Deployment"]["spec"]["template"]["metadata"]["labels"]
    assert found["Deployment"]["spec"]["selector"]["matchLabels"] == labels
    assert found["Service"]["spec"]["selector"] == labels
    assert found["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"] == labels
    assert found["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"] == labels


def test_only_who_is_named_may_call_and_nobody_reads_metrics_unless_named() -> None:
    policy = render()["NetworkPolicy"]["spec"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    assert [one["ports"][0]["port"] for one in policy["ingress"]] == ["http"]
    assert all(one["from"] for one in policy["ingress"])
    closed = values()["networkPolicy"] | {"ingress": []}
    assert not render(networkPolicy=closed)["NetworkPolicy"]["spec"]["ingress"]


def test_helm_renders_the_same_where_it_is_installed() -> None:
    helm = shutil.which("helm")
    if helm is None:
        pytest.skip("helm is not installed here; the chart was rendered by tests/deploy/chart.py only")
    written = subprocess.run([helm, "template", "necessity", str(CHART)], capture_output=True, text=True, check=True)
    found = {one["kind"]: one for one in yaml.safe_load_all(written.stdout) if one}
    assert found == render()
