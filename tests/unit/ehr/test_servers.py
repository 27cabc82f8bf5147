from __future__ import annotations

import httpx
import pytest

from cds_service.ehr.servers import AllowedServers, FhirServer, NotAllowed

SERVER = FhirServer.at("https://ehr.example.org/fhir")
PAGE = httpx.URL("https://ehr.example.org/fhir/Condition?patient=p1")

NO_SERVERS = {
    "plain http": "http://ehr.example.org/fhir",
    "plain http to loopback": "http://127.0.0.1/fhir",
    "another scheme": "ftp://ehr.example.org/fhir",
    "no scheme": "ehr.example.org/fhir",
    "no host": "https:///fhir",
    "no slashes": "https:ehr.example.org/fhir",
    "a user": "https://user@ehr.example.org/fhir",
    "a user and a password": "https://user:password@ehr.example.org/fhir",
    "a fragment": "https://ehr.example.org/fhir#x",
    "an empty fragment": "https://ehr.example.org/fhir#",
    "a query": "https://ehr.example.org/fhir?x",
    "an empty query": "https://ehr.example.org/fhir?",
    "steps up": "https://ehr.example.org/fhir/../admin",
    "steps up, encoded": "https://ehr.example.org/fhir/%2e%2e/admin",
    "a backslash": "https://ehr.example.org\\@other.example/fhir",
    "a control character": "https://ehr.example.org/fhir\n",
    "a space before": " https://ehr.example.org/fhir",
    "an encoded host": "https://ehr%2eexample.org/fhir",
    "a zone": "https://[fe80::1%25eth0]/fhir",
    "a port that is no number": "https://ehr.example.org:x/fhir",
    "a port that is none": "https://ehr.example.org:0/fhir",
    "a port beyond all": "https://ehr.example.org:65536/fhir",
    "a bracket": "https://[ehr.example.org/fhir",
    "an octal address": "https://0177.0.0.1/fhir",
    "nothing": "",
    "beyond all length": "https://ehr.example.org/" + "a" * 100_000,
}

SAME = {
    "as it is": "https://ehr.example.org/fhir",
    "with a slash": "https://ehr.example.org/fhir/",
    "with its port": "https://ehr.example.org:443/fhir",
    "in other letters": "HTTPS://EHR.Example.ORG/fhir",
    "a tenant below": "https://ehr.example.org/fhir/tenant-1",
}

OTHER = {
    "another host": "https://other.example/fhir",
    "a longer host": "https://ehr.example.org.other.example/fhir",
    "a host below": "https://x.ehr.example.org/fhir",
    "a dot at the end": "https://ehr.example.org./fhir",
    "another port": "https://ehr.example.org:8443/fhir",
    "another path": "https://ehr.example.org/admin",
    "a longer path": "https://ehr.example.org/fhirs",
    "a path above": "https://ehr.example.org/",
    "a path in other letters": "https://ehr.example.org/FHIR",
    "an encoded slash": "https://ehr.example.org/fhir%2fx",
    "letters that look alike": "https://ehr.example.оrg/fhir",
}

INSIDE = {
    "Patient/p1": "https://ehr.example.org/fhir/Patient/p1",
    "Condition?patient=p1&code=a%7Cb": "https://ehr.example.org/fhir/Condition?patient=p1&code=a%7Cb",
    "https://ehr.example.org/fhir?_getpages=1": "https://ehr.example.org/fhir?_getpages=1",
    "https://ehr.example.org:443/fhir/Condition?_p=..%2f..&u=https://x@y": (
        "https://ehr.example.org/fhir/Condition?_p=..%2f..&u=https://x@y"
    ),
    "/fhir/Condition?page=2": "https://ehr.example.org/fhir/Condition?page=2",
}

OUTSIDE = {
    "another server": "https://other.example/fhir/Condition",
    "another server, no scheme": "//other.example/fhir/Condition",
    "another scheme": "http://ehr.example.org/fhir/Condition",
    "a scheme of no network": "javascript:alert(1)",
    "data": "data:,x",
    "a user": "https://ehr.example.org@other.example/fhir",
    "a user here": "https://x@ehr.example.org/fhir/Condition",
    "another path": "/admin",
    "a longer path": "/fhirs/Condition",
    "steps up": "../admin",
    "steps up that come back": "/fhir/../fhir/Condition",
    "steps up, absolute": "https://ehr.example.org/fhir/../admin",
    "a step that stays": "./Condition",
    "steps up, encoded": "%2e%2e/admin",
    "steps up, half encoded": ".%2e/admin",
    "steps up, slash encoded": "..%2fadmin",
    "steps up, encoded twice": "%252e%252e%252fadmin",
    "steps up, encoded six times": "%2525252525252e%2525252525252e/admin",
    "steps up with a parameter": "..;a=b/admin",
    "backslashes": "..\\admin",
    "backslashes, encoded": "..%5cadmin",
    "a backslash for a slash": "\\\\other.example\\fhir",
    "a fragment": "Condition#x",
    "a line feed": "Condition?a\nb",
    "a null": "Condition%00",
    "a bracket": "http://[",
}


@pytest.mark.parametrize("text", NO_SERVERS.values(), ids=NO_SERVERS)
def test_what_is_no_https_address_of_a_server_is_refused(text: str) -> None:
    with pytest.raises(NotAllowed):
        FhirServer.at(text)


def test_http_is_for_loopback_where_that_is_allowed() -> None:
    for address in ("http://127.0.0.1:8080/fhir", "http://localhost/fhir", "http://[::1]:9/fhir"):
        assert FhirServer.at(address, loopback=True).base.scheme == "http"
    with pytest.raises(NotAllowed):
        FhirServer.at("http://10.0.0.1/fhir", loopback=True)


@pytest.mark.parametrize("named", SAME.values(), ids=SAME)
def test_a_server_on_the_list_is_known_however_it_is_written(named: str) -> None:
    assert AllowedServers.of(["https://ehr.example.org/fhir"]).server(named).base.host == "ehr.example.org"


@pytest.mark.parametrize("named", OTHER.values(), ids=OTHER)
def test_a_server_that_only_looks_like_one_on_the_list_is_refused(named: str) -> None:
    with pytest.raises(NotAllowed):
        AllowedServers.of(["https://ehr.example.org/fhir"]).server(named)


def test_a_list_without_servers_allows_none() -> None:
    with pytest.raises(NotAllowed):
        AllowedServers.of([]).server("https://ehr.example.org/fhir")


@pytest.mark.parametrize(("reference", "url"), INSIDE.items(), ids=INSIDE)
def test_an_address_below_the_server_is_resolved(reference: str, url: str) -> None:
    assert str(SERVER.resolve(reference)) == url


@pytest.mark.parametrize("reference", OUTSIDE.values(), ids=OUTSIDE)
@pytest.mark.parametrize("page", [None, PAGE], ids=["base", "page"])
def test_an_address_outside_the_server_is_refused(reference: str, page: httpx.URL | None) -> None:
    with pytest.raises(NotAllowed):
        SERVER.resolve(reference, page)


def test_a_link_is_relative_to_its_page() -> None:
    page = httpx.URL("https://ehr.example.org/fhir/Condition/_search?patient=p1")
    assert str(SERVER.resolve("?page=2", page)) == "https://ehr.example.org/fhir/Condition/_search?page=2"


def test_a_server_at_the_root_holds_all_of_its_host() -> None:
    root = FhirServer.at("https://ehr.example.org")
    assert str(root.resolve("Patient/p1")) == "https://ehr.example.org/Patient/p1"
    assert root.holds(PAGE)


def test_a_wrong_address_on_the_list_is_named_to_the_operator() -> None:
    with pytest.raises(ValueError, match=r"`http://ehr\.example\.org`: a FHIR server is asked over https"):
        AllowedServers.of(["https://fine.example", "http://ehr.example.org"])


def test_a_refusal_says_nothing_of_the_address() -> None:
    for text in ("https://canary.example/canary", "http://[canary", "https://ehr.example.org/fhir/../canary"):
        with pytest.raises(NotAllowed) as refusal:
            AllowedServers.of(["https://ehr.example.org/fhir"]).server(text)
        assert "canary" not in str(refusal.value)
