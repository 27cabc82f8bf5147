"""Keys by HTTP from a server that does not mean well."""

from __future__ import annotations

import gzip
import json
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from cds_service.security import KeysNotFetched, fetcher, jwks
from tests.unit.security.jwks_server import JwksServer, certificate, serving
from tests.unit.security.world import key, run


@pytest.fixture
def server() -> Iterator[JwksServer]:
    with serving(key()) as running:
        yield running


def refusal(server: JwksServer, seconds: float = 5) -> str:
    with pytest.raises(KeysNotFetched) as refused:
        run(fetcher(sandbox=True, seconds=seconds)(server.url))
    return str(refused.value)


@pytest.mark.requirement("J6")
def test_the_published_keys_come_as_they_are(server: JwksServer) -> None:
    assert json.loads(run(fetcher(sandbox=True)(server.url))) == jwks(key())


def test_the_request_says_nothing_of_us_and_asks_for_plain_json(server: JwksServer) -> None:
    run(fetcher(sandbox=True)(server.url))
    asked = {name.lower(): value for name, value in server.requests[0].items()}
    assert asked["accept-encoding"] == "identity"
    assert "authorization" not in asked
    assert "cookie" not in asked


@pytest.mark.requirement("J5")
def test_a_redirect_is_not_followed(server: JwksServer) -> None:
    with serving(key("ES384", "another")) as elsewhere:
        server.status, server.headers = 302, {"Location": elsewhere.url}
        assert refusal(server) == "answered 302"
        assert elsewhere.requests == []


@pytest.mark.requirement("J5")
def test_no_proxy_is_taken_from_the_environment(server: JwksServer, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(key("ES384", "another")) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.setenv("all_proxy", proxy.url)
        run(fetcher(sandbox=True)(server.url))
        assert proxy.requests == []


@pytest.mark.parametrize("status", [204, 301, 304, 401, 404, 500, 503])
def test_only_200_brings_keys(server: JwksServer, status: int) -> None:
    server.status, server.body = status, b""
    assert refusal(server) == f"answered {status}"


def test_an_answer_that_is_too_long_is_given_up(server: JwksServer) -> None:
    server.body = b" " * 200_000
    assert refusal(server) == "has more than 131072 bytes"


def test_a_compressed_answer_is_not_unpacked(server: JwksServer) -> None:
    server.body, server.headers = gzip.compress(b" " * 50_000_000), {"Content-Encoding": "gzip"}
    assert refusal(server) == "is compressed, which was not asked for"


def test_an_answer_that_drips_ends_at_the_limit_as_a_whole(server: JwksServer) -> None:
    server.body, server.drips = b" " * 100_000, True
    assert refusal(server, seconds=0.3) == "did not come within 0.3 s"


def test_a_server_that_is_not_there_is_told(server: JwksServer) -> None:
    server.url = "http://127.0.0.1:1/jwks.json"
    assert refusal(server) == "could not be fetched: ConnectError"


@pytest.mark.requirement("J5")
@pytest.mark.parametrize("sandbox", [True, False])
@pytest.mark.parametrize(
    "url", ["http://ehr.example/jwks.json", "file:///etc/passwd", "ftp://127.0.0.1/", "", "https:"]
)
def test_keys_are_fetched_by_https_only(url: str, sandbox: bool) -> None:
    with pytest.raises(ValueError, match="must"):
        run(fetcher(sandbox=sandbox)(url))


@pytest.mark.requirement("J5")
def test_only_a_sandbox_fetches_by_http_from_its_own_machine(server: JwksServer) -> None:
    with pytest.raises(ValueError, match="must start with https"):
        run(fetcher()(server.url))
    assert server.requests == []


@pytest.mark.requirement("J5")
def test_a_server_shows_a_certificate_that_we_have_reason_to_believe(tmp_path: Path) -> None:
    place = certificate(tmp_path)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(place)
    with serving(key(), tls=tls) as server:
        assert refusal(server) == "could not be fetched: ConnectError"
        assert server.requests == []
        ours = ssl.create_default_context(cafile=str(place))
        assert json.loads(run(fetcher(tls=ours)(server.url))) == jwks(key())
