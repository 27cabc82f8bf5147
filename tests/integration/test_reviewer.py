"""The reviewer's pages over HTTP: who may see them, what they show, and that they change nothing."""

from __future__ import annotations

import asyncio
import json
import re
from base64 import b64encode
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import httpx
import pytest

from cds_service.api.app import create_app
from cds_service.errors import ConfigurationError
from cds_service.fhir.temporal import Date
from cds_service.settings import Settings
from cds_service.store.errors import NoKey, StoreUnavailable
from cds_service.store.memory import InMemoryStore
from cds_service.store.model import Viewing
from cds_service.store.payload import Keys
from cds_service.store.report import count_feedback
from cds_service.store.sql import SqlStore
from cds_service.store.store import Filters
from cds_service.wiring import Application
from tests.faults.ehr_stub import EhrStub
from tests.made_up import FINDINGS, PATIENT, finding, made_up_policies, order, request
from tests.unit.store.making import RECEIVED, decision

SIGN = "/cds-services/necessity-order-sign"
HERE = "http://127.0.0.1:8000"
HTML = {"accept": "text/html"}
READER, REVIEWER = "r" * 32, "w" * 32
TOKENS = {
    "mode": "production",
    "authentication": "off",
    "reviewers": "token",
    "reviewer_tokens": f"rosa:reader:{READER}, will:reviewer:{REVIEWER}",
}
PROXY = {
    "mode": "production",
    "authentication": "off",
    "reviewers": "proxy",
    "reviewer_proxies": ("10.1.0.0/24",),
    "reviewer_names": ("will@example.org",),
}


@dataclass
class Browser:
    """One browser at one service: it keeps cookies, and sends what it is given."""

    settings: dict[str, Any] = field(default_factory=dict)
    store: Any = field(default_factory=InMemoryStore)
    address: str = "127.0.0.1"
    base: str = HERE
    cookies: httpx.Cookies = field(default_factory=httpx.Cookies)

    def __post_init__(self) -> None:
        settings = Settings.model_validate(self.settings)
        made = Application(settings, made_up_policies(), clock=lambda: Date((2026, 1, 15)), store=self.store)
        self.application, self.app = made, create_app(made)

    def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        async def sent() -> httpx.Response:
            transport = httpx.ASGITransport(self.app, client=(self.address, 5))
            async with httpx.AsyncClient(transport=transport, base_url=self.base, cookies=self.cookies) as client:
                response = await client.request(method, path, **more)
                self.cookies = client.cookies
            await self.application.fhir.aclose()
            return response

        return asyncio.run(sent())

    def get(self, path: str, **headers: str) -> httpx.Response:
        return self.ask("GET", path, headers=HTML | headers)

    def json(self, path: str) -> Any:
        return self.ask("GET", f"{path}.json").json()

    def post(self, path: str, headers: dict[str, str] | None = None, **fields: str) -> httpx.Response:
        return self.ask("POST", path, data=fields, headers=HTML | {"origin": self.base} | (headers or {}))

    def decide(self, *chart: dict[str, Any], coded: str = "replace", patient: dict[str, Any] = PATIENT) -> str:
        """Have an order decided; return the exchange."""
        message = request(order(coded=coded), chart=chart)
        message["prefetch"]["patient"]["entry"][0]["resource"] = patient
        assert self.ask("POST", SIGN, json=message).status_code == 200
        return str(self.store.search(Filters(), limit=1).items[0].decision.exchange)

    def say(self, exchange: str, outcome: str, reason: str = "", **headers: str) -> httpx.Response:
        page = self.get(f"/review/{exchange}").text
        return self.post(f"/review/{exchange}", headers, **fields_of(page), outcome=outcome, reason=reason)

    def sign_in(self, token: str) -> httpx.Response:
        return self.post("/review/login", **fields_of(self.get("/review/login").text), token=token)


def fields_of(page: str) -> dict[str, str]:
    """Return the hidden fields of a page's last form."""
    return dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page))


@pytest.fixture
def browser() -> Browser:
    return Browser()


# -- who asks -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/review", "/review.json", "/review/charts", "/review/x", "/review/login"])
def test_in_production_there_are_no_pages_unless_they_are_chosen(path: str) -> None:
    browser = Browser({"mode": "production", "authentication": "off"})
    assert browser.get(path).status_code == 404


@pytest.mark.parametrize(
    ("address", "base", "headers"),
    [
        ("10.0.0.9", HERE, {}),
        ("127.0.0.1", "http://rebound.example", {}),
        ("127.0.0.1", HERE, {"x-forwarded-for": "10.0.0.9"}),
        ("127.0.0.1", HERE, {"host": "["}),
    ],
)
def test_a_sandbox_shows_its_pages_on_its_own_machine_only(address: str, base: str, headers: dict[str, str]) -> None:
    assert Browser().get("/review").status_code == 200
    assert Browser(address=address, base=base).get("/review", **headers).status_code == 404


def test_a_stranger_is_led_to_sign_in_and_a_machine_is_told() -> None:
    browser = Browser(TOKENS)
    response = browser.get("/review")
    assert (response.status_code, response.headers["location"]) == (303, "/review/login")
    told = browser.ask("GET", "/review.json")
    assert (told.status_code, told.json()["issue"][0]["code"]) == (401, "login")


def test_a_token_opens_the_pages_by_a_cookie_that_no_script_and_no_other_site_gets() -> None:
    browser = Browser(TOKENS | {"public_base_url": "https://cds.example.org"}, base="https://cds.example.org")
    response = browser.sign_in(REVIEWER)
    assert response.status_code == 303
    cookie = response.headers["set-cookie"]
    assert cookie.startswith("__Host-cds_reviewer=")
    assert {"HttpOnly", "Secure", "SameSite=strict", "Path=/"} <= set(cookie.split("; "))
    assert REVIEWER not in cookie
    assert browser.get("/review").status_code == 200


@pytest.mark.parametrize("cookie", ["", "x", "x.y", "WyJ3aWxsIiwxLCIiXQ.0", "é.é"])
def test_a_cookie_that_is_not_ours_opens_nothing(cookie: str) -> None:
    browser = Browser(TOKENS)
    response = browser.ask("GET", "/review.json", headers=[(b"cookie", b"cds_reviewer=" + cookie.encode())])
    assert response.status_code == 401


def test_a_wrong_token_is_told_and_too_many_have_to_wait() -> None:
    browser = Browser(TOKENS)
    answers = [browser.sign_in("wrong").status_code for _ in range(6)]
    assert answers == [403] * 5 + [429]
    assert int(browser.sign_in(REVIEWER).headers["retry-after"]) > 0
    assert Browser(TOKENS).sign_in(REVIEWER).status_code == 303


def test_who_signs_out_is_out() -> None:
    browser = Browser(TOKENS)
    browser.sign_in(REVIEWER)
    form = fields_of(browser.get("/review").text)
    assert browser.post("/review/logout", **form).headers["location"] == "/review/login"
    assert browser.get("/review").status_code == 303


@pytest.mark.parametrize(
    ("address", "headers", "status"),
    [
        ("10.1.0.7", [("x-forwarded-user", "ann@example.org")], 200),
        ("10.1.0.7", [], 403),
        ("10.1.0.7", [("x-forwarded-user", "ann"), ("x-forwarded-user", "will")], 403),
        ("10.1.0.7", [("x-forwarded-user", " ")], 403),
        ("10.2.0.7", [("x-forwarded-user", "will@example.org")], 403),
    ],
)
def test_a_proxy_is_believed_that_the_operator_named(address: str, headers: Any, status: int) -> None:
    assert Browser(PROXY, address=address).ask("GET", "/review.json", headers=headers).status_code == status


@pytest.mark.parametrize(
    "settings",
    [
        {"mode": "production", "reviewers": "open"},
        {"reviewers": "token"},
        {"reviewers": "token", "reviewer_tokens": "will:reviewer:short"},
        {"reviewers": "token", "reviewer_tokens": f"will:admin:{REVIEWER}"},
        {"reviewers": "token", "reviewer_tokens": f"will:reader:{READER},will:reviewer:{REVIEWER}"},
        {"reviewers": "proxy"},
        {"reviewers": "proxy", "reviewer_proxies": ("the proxy",)},
    ],
)
def test_settings_that_let_nobody_or_everybody_in_are_refused_without_a_token_told(settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError) as error:
        Browser({"authentication": "off"} | settings)
    assert REVIEWER not in str(error.value)


# -- agree and disagree -------------------------------------------------------------------------------------------


def test_what_a_reviewer_says_is_kept_and_no_determination_is_changed(browser: Browser) -> None:
    exchange = browser.decide(finding("intact"))
    before = browser.store.find(exchange)
    assert browser.say(exchange, "disagreed", "the film shows a crack").status_code == 303
    assert browser.store.find(exchange) == before
    (one,) = browser.json(f"/review/{exchange}")["determinations"]
    assert (one["outcome"], one["review"]) == ("not-met", "disagreed")
    assert [(said["by"], said["reason"]) for said in one["reviews"]] == [("sandbox", "the film shows a crack")]
    assert list(browser.store.verify()) == []


def test_a_form_sent_twice_is_one_review_and_one_with_another_reason_is_refused(browser: Browser) -> None:
    exchange = browser.decide(finding())
    form = fields_of(browser.get(f"/review/{exchange}").text)
    first, again, other = (
        browser.post(f"/review/{exchange}", **form, outcome="disagreed", reason=reason) for reason in "aab"
    )
    assert (first.status_code, again.status_code, other.status_code) == (303, 303, 409)
    assert len(list(browser.store.feedback_kept())) == 1


def test_the_last_word_of_a_reviewer_counts(browser: Browser) -> None:
    exchange = browser.decide(finding())
    for outcome in ("disagreed", "agreed"):
        browser.say(exchange, outcome, "because")
    (one,) = browser.json(f"/review/{exchange}")["determinations"]
    assert one["review"] == "agreed"
    assert len(one["reviews"]) == 2


def test_a_review_is_no_feedback_of_an_ehr(browser: Browser) -> None:
    browser.say(browser.decide(finding()), "agreed")
    assert count_feedback(browser.store) == ()


@pytest.mark.parametrize(
    ("outcome", "reason", "status"),
    [("disagreed", "", 400), ("disagreed", " \n", 400), ("denied", "x", 400), ("agreed", "x" * 2001, 400)],
)
def test_what_is_no_review_is_refused(browser: Browser, outcome: str, reason: str, status: int) -> None:
    assert browser.say(browser.decide(finding()), outcome, reason).status_code == status
    assert list(browser.store.feedback_kept()) == []


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://elsewhere.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site", "sec-fetch-mode": "navigate"},
        {"content-type": "text/plain"},
    ],
)
def test_a_form_of_another_site_is_refused(browser: Browser, headers: dict[str, str]) -> None:
    exchange = browser.decide(finding())
    assert browser.say(exchange, "agreed", **headers).status_code in (403, 415)
    assert list(browser.store.feedback_kept()) == []


def test_a_script_of_another_site_reads_nothing(browser: Browser) -> None:
    exchange = browser.decide(finding())
    for path in ("/review.json", f"/review/{exchange}.json"):
        assert browser.ask("GET", path, headers={"origin": "https://elsewhere.example"}).status_code == 403
        answer = browser.ask("GET", path, headers={"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"})
        assert answer.status_code == 403


@pytest.mark.parametrize("token", ["", "1.x", "²", "-5.x", f"{10**15}.x"])
def test_a_form_without_our_token_is_refused(browser: Browser, token: str) -> None:
    exchange = browser.decide(finding())
    fields = fields_of(browser.get(f"/review/{exchange}").text) | {"form": token}
    assert browser.post(f"/review/{exchange}", **fields, outcome="agreed").status_code == 403


def test_a_form_that_was_given_to_another_person_is_refused() -> None:
    one, other = Browser(TOKENS), Browser(TOKENS)
    other.store, exchange = one.store, one.decide(finding())
    one.sign_in(REVIEWER)
    other.sign_in(REVIEWER)
    fields = fields_of(other.get("/review").text) | {"determination": "x"}
    assert one.post(f"/review/{exchange}", **fields, outcome="agreed").status_code == 403


def test_a_reader_reads_and_says_nothing() -> None:
    browser = Browser(TOKENS)
    exchange = browser.decide(finding())
    browser.sign_in(READER)
    page = browser.get(f"/review/{exchange}")
    assert "Disagree" not in page.text
    assert browser.post(f"/review/{exchange}", **fields_of(page.text), outcome="agreed").status_code == 403


# -- what is shown ------------------------------------------------------------------------------------------------


def test_the_queue_is_filtered_and_counted(browser: Browser) -> None:
    browser.decide(finding())
    open_one = browser.decide()
    browser.decide(finding("intact"), coded="refit")
    browser.say(open_one, "agreed")

    def found(query: str) -> list[tuple[str, str]]:
        items = browser.ask("GET", f"/review.json?{query}").json()["items"]
        return [(one["code"], one["outcome"]) for one in items]

    everything = [("refit", "not-met"), ("replace", "information-missing"), ("replace", "met")]
    assert found("") == everything
    assert found("outcome=met") == [("replace", "met")]
    assert found("code=refit") == [("refit", "not-met")]
    assert found("review=agreed") == [("replace", "information-missing")]
    assert found("review=open&code=replace") == [("replace", "met")]
    assert (
        found("since=2020-01-01&until=9999-12-30&policy=https://example.org/fhir/PlanDefinition/widget") == everything
    )
    assert found("until=2020-01-01") == found("client=https://ehr.example|") == []
    assert browser.json("/review")["counts"]["met"] == 1


@pytest.mark.parametrize("query", ["outcome=denied", "review=x", "since=today", "until=9999-12-31", "following=x"])
def test_a_filter_that_cannot_be_understood_is_refused(browser: Browser, query: str) -> None:
    assert browser.get(f"/review?{query}").status_code == 400


def test_the_queue_goes_on_without_a_gap_or_a_repeat(browser: Browser) -> None:
    decided = [browser.decide(finding()) for _ in range(120)]
    listed: list[str] = []
    page = browser.json("/review")
    while True:
        listed += [one["exchange"] for one in page["items"]]
        if page["next"] is None:
            break
        page = browser.ask("GET", page["next"], headers={"accept": "application/json"}).json()
    assert listed == decided[::-1]


def test_a_determination_is_shown_with_what_it_rests_on_and_what_would_settle_it(browser: Browser) -> None:
    exchange = browser.decide()
    model = browser.json(f"/review/{exchange}")
    (one,) = model["determinations"]
    assert [(each["title"], each["words"]) for each in one["criteria"]] == [
        ("The widget is broken", "Missing"),
        ("The widget was looked at", "Not known"),
    ]
    assert one["missing"][0]["prompt"] == "State whether the widget is broken."
    assert one["outlook"][0]["text"] == "what would settle it:"
    page = browser.get(f"/review/{exchange}").text
    for words in (
        "Information missing",
        "State whether the widget is broken.",
        "What is missing",
        "what would settle it",
    ):
        assert words in page


def test_evidence_is_shown_with_path_value_day_status_and_its_element(browser: Browser) -> None:
    exchange = browser.decide(finding())
    page = browser.get(f"/review/{exchange}").text
    assert (
        '<a class="evidence-link" href="#chart-1-1"><code>Observation/f1.value</code></a>: <q>broken</q>, 2026-01-10'
        in page
    )
    assert '<li id="chart-1"><code>Observation/f1</code>' in page
    (element, *_) = browser.json(f"/review/{exchange}")["elements"]
    assert (element["reference"], element["resource"]["valueString"]) == ("Observation/f1", "broken")


def test_what_was_read_of_the_ehr_is_shown_as_what_was_sent_is() -> None:
    with EhrStub(resources=[PATIENT, finding()]) as ehr:
        browser = Browser({"fhir_servers": (ehr.base_url,)})
        message = request(order(), chart=()) | {"fhirServer": ehr.base_url}
        message["fhirAuthorization"] = {"access_token": "s3cr3t-t0ken", "token_type": "Bearer"}
        assert browser.ask("POST", SIGN, json=message).status_code == 200
    page = browser.ask("GET", browser.json("/review")["items"][0]["url"], headers={"accept": "application/json"})
    (element, *_) = page.json()["elements"]
    assert element["resource"]["valueString"] == "broken"
    assert "s3cr3t" not in page.text


def test_the_id_of_a_determination_leads_to_it(browser: Browser) -> None:
    exchange = browser.decide(finding())
    (one,) = browser.json("/review")["items"]
    assert browser.json(f"/review/{one['determination']}")["exchange"] == exchange
    assert browser.get("/review/nothing").status_code == 404


def test_a_patients_earlier_decisions_are_told_and_no_other_patients(browser: Browser) -> None:
    earlier, now = browser.decide(), browser.decide(finding())
    history = browser.json(f"/review/{now}")["history"]
    assert [(one["exchange"], one["this"]) for one in history] == [(now, True), (earlier, False)]
    assert f"/review/{earlier}#d-" in browser.get(f"/review/{now}").text


def test_charts_count_outcomes_by_day_and_what_was_missing(browser: Browser) -> None:
    for chart in ((), (), (finding(),)):
        browser.decide(*chart)
    assert '<svg class="chart" viewBox="0 0 22' not in browser.get("/review/charts").text  # one day is no course
    browser.store.append_now(decision(received=RECEIVED))
    model = browser.json("/review/charts")
    assert [(one["counts"]["information-missing"], one["counts"]["met"]) for one in model["days"]] == [(0, 1), (2, 1)]
    assert [(one["criterion"], one["count"]) for one in model["missing"]] == [("broken", 2)]
    assert browser.get("/review/charts").text.count("<title>20") == 3


@pytest.mark.parametrize("path", ["/review", "/review/{exchange}", "/review/charts"])
def test_every_page_has_its_json_at_the_same_address(browser: Browser, path: str) -> None:
    address = path.format(exchange=browser.decide(finding()))
    by_end = browser.ask("GET", f"{address}.json")
    by_accept = browser.ask("GET", address, headers={"accept": "application/json"})
    assert by_end.json() == by_accept.json()
    assert by_end.headers["content-type"] == "application/json"
    assert browser.get(address).headers["content-type"].startswith("text/html")


# -- hostile charts -----------------------------------------------------------------------------------------------

HOSTILE = {
    "HTML": '<img src=x onerror="alert(1)"><script>alert(2)</script></q></code></article>',
    "an attribute": '" onmouseover="alert(1)" x="',
    "Markdown": "[click](javascript:alert(1)) ![x](https://elsewhere.example/x.png)",
    "direction": "\u202edetressa\u202c \u2066x\u2069",
    "control": "a\x00b\x1b[31mc\x7f",
    "a template": "{{ 7 * 7 }}{% raw %}",
    "a long text": "x" * 10_000,
}


class Outline(HTMLParser):
    """The elements and attributes of a page, without texts and values."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, tuple[str, ...]]] = []
        self.links: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, tuple(name for name, _ in attrs)))
        self.links |= {value or "" for name, value in attrs if name in ("href", "src", "action")}


def page_of(words: str) -> str:
    """Return the page on a chart that holds the words wherever a chart holds text."""
    browser, coding = Browser(), {"system": FINDINGS, "code": "state", "display": words}
    said = {"note": [{"text": words}], "code": {"coding": [coding], "text": words}}
    chart = (finding("broken", **said), finding(words, **said | {"id": "f2"}))
    response = browser.get(f"/review/{browser.decide(*chart, patient={**PATIENT, 'name': [{'text': words}]})}")
    assert response.status_code == 200
    return response.text


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_no_element_and_no_attribute_comes_of_a_chart(text: str) -> None:
    page = page_of(text)
    outline = Outline(page)
    assert outline.found == Outline(page_of("plain")).found
    assert all(link.startswith(("/", "#", "data:,")) for link in outline.links)
    assert not re.search("[\u202a-\u202e\u2066-\u2069\x00\x1b\x7f]", page)
    assert len(page) < 40_000


def test_pages_run_and_load_nothing_of_others(browser: Browser) -> None:
    headers = browser.get("/review").headers
    rules = headers["content-security-policy"]
    assert "default-src 'none'" in rules
    assert "unsafe" not in rules
    assert headers["cache-control"] == "no-store"
    assert headers["referrer-policy"] == "same-origin"


def test_what_was_purged_is_said(browser: Browser) -> None:
    exchange = browser.decide(finding())
    held = browser.store._held[-1].thing
    object.__setattr__(held, "contents", None)
    model = browser.json(f"/review/{exchange}")
    assert (model["patient"], model["history"], model["determinations"][0]["criteria"]) == (None, [], [])
    assert browser.get(f"/review/{exchange}").status_code == 200


class Away(InMemoryStore):
    """A store whose database is away."""

    def search(self, *_: Any, **__: Any) -> Any:
        raise StoreUnavailable


class Locked(InMemoryStore):
    """A store whose keys are lost."""

    def find(self, *_: Any, **__: Any) -> Any:
        raise NoKey


def test_a_database_that_is_away_or_cannot_be_opened_is_told() -> None:
    away, locked = Browser(store=Away()).get("/review"), Browser(store=Locked()).get("/review/x")
    assert (away.status_code, away.headers["retry-after"]) == (503, "2")
    assert locked.status_code == 500
    assert "cds-service decisions verify" in locked.text


@pytest.mark.parametrize("suffix", ["", ".json"])
def test_it_is_kept_who_looked_at_what_and_nothing_of_the_chart(browser: Browser, suffix: str) -> None:
    browser.ask("POST", SIGN, json=request(order(), chart=(finding("broken"),)))
    decision = browser.store.search(Filters()).items[0].decision
    for path in ("/review", "/review/charts", f"/review/{decision.exchange}{suffix}", "/review/nothing"):
        browser.ask("GET", path)
    (kept,) = browser.store.viewings()
    assert kept.viewing == Viewing("sandbox", "review", (decision.exchange,))


def test_where_it_cannot_be_kept_who_looks_nothing_is_shown() -> None:
    class Full(InMemoryStore):
        async def viewed(self, _: Viewing) -> None:
            raise StoreUnavailable("SQLITE_FULL")

    browser = Browser(store=Full())
    browser.ask("POST", SIGN, json=request(order(), chart=(finding("broken"),)))
    (one,) = browser.store.search(Filters()).items
    response = browser.ask("GET", f"/review/{one.decision.exchange}")
    assert response.status_code == 503
    assert "Observation" not in response.text


def test_what_was_said_is_there_after_a_restart(tmp_path: Path) -> None:
    address, keys = f"sqlite:///{tmp_path / 'kept.db'}", Keys.of(f"k1:{b64encode(b'k' * 32).decode()}")
    with SqlStore(address, keys=keys) as store:
        browser = Browser(store=store)
        earlier, exchange = browser.decide(), browser.decide(finding())
        browser.say(exchange, "disagreed", "seen elsewhere")
    with SqlStore(address, keys=keys) as store:
        again = Browser(store=store)
        model = again.json(f"/review/{exchange}")
        assert model["determinations"][0]["reviews"][0]["reason"] == "seen elsewhere"
        assert [one["exchange"] for one in model["history"]] == [exchange, earlier]
        assert [one["exchange"] for one in again.json("/review")["items"] if one["review"] == "open"] == [earlier]
        assert list(store.verify()) == []


def test_a_review_may_be_sent_by_a_machine_too(browser: Browser) -> None:
    exchange = browser.decide(finding())
    fields = fields_of(browser.get(f"/review/{exchange}").text) | {"outcome": "agreed"}
    answer = browser.ask("POST", f"/review/{exchange}", data=fields, headers={"accept": "application/json"})
    assert (answer.status_code, json.loads(answer.content)["outcome"]) == (200, "agreed")
