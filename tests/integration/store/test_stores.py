"""What every store does, in memory and in both databases."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from cds_service.store.chain import Fault, Head
from cds_service.store.errors import StoreUnavailable
from cds_service.store.memory import InMemoryStore
from cds_service.store.model import Caller, Guidance, PolicyVersion, Viewing
from cds_service.store.store import Filters, Kept, Store
from tests.unit.store.making import EHR, POLICY, RECEIVED, clock, contents, decision, determined, feedback, name

OTHER = Caller("https://another.example.org", "north")


def exchanges(found: tuple[Kept, ...]) -> list[str]:
    return [one.decision.exchange for one in found]


@pytest.mark.requirement("found-37")
@pytest.mark.requirement("found-38")
def test_a_decision_comes_back_whole(store: Store) -> None:
    one = decision()
    receipt = asyncio.run(store.append(one))
    assert (receipt.id, receipt.fresh, receipt.spilled) == (one.exchange, True, False)
    kept = store.find(one.exchange)
    assert kept is not None
    assert kept.decision == one
    assert list(store.verify()) == []


def test_who_looked_is_kept_in_the_chain_and_is_no_decision(store: Store) -> None:
    looked = [Viewing("rosa", "review", (name("a"), name("b"))), Viewing("will", "export", (name("c"),))]
    store.append_now(decision())
    for one in looked:
        asyncio.run(store.viewed(one))
    assert [one.viewing for one in store.viewings()] == looked
    first = next(store.viewings()).recorded
    assert [one.viewing.by for one in store.viewings(until=first)] == []
    assert [one.viewing.by for one in store.viewings(since=first)] == ["rosa", "will"]
    assert store.count(Filters()) == 1
    assert list(store.verify()) == []


def test_what_was_never_kept_is_not_found(store: Store) -> None:
    assert store.find(name("nothing")) is None
    assert store.search(Filters()).items == ()


@pytest.mark.requirement("found-37")
def test_a_response_that_was_a_failure_is_kept_too(store: Store) -> None:
    one = decision(status=412, determined=(), cards=(), as_of=None, contents=contents(determinations=b""))
    store.append_now(one)
    store.append_now(decision())
    assert exchanges(store.search(Filters(failed=True)).items) == [one.exchange]
    assert store.count(Filters(failed=False)) == 1


def test_the_same_exchange_is_kept_once(store: Store) -> None:
    one = decision()
    assert [store.append_now(one).fresh for _ in range(3)] == [True, False, False]
    assert store.count(Filters()) == 1
    assert list(store.verify()) == []


def test_a_repeat_is_a_second_exchange_and_the_first_is_found_by_the_id_of_both(store: Store) -> None:
    first, second = decision(), decision()
    store.append_now(first)
    store.append_now(second)
    kept = store.find(second.id)
    assert kept is not None
    assert kept.decision.exchange == first.exchange
    assert store.count(Filters()) == 2


def test_the_latest_arrival_comes_first_page_by_page(store: Store) -> None:
    made = [decision() for _ in range(7)]
    for one in made:
        store.append_now(one)
    seen, following = list[str](), None
    while True:
        page = store.search(Filters(), following=following, limit=3)
        assert all(one.decision.contents is None for one in page.items)
        seen += exchanges(page.items)
        following = page.following
        if following is None:
            break
    assert seen == [one.exchange for one in reversed(made)]


def test_arrival_orders_and_not_the_clock(store: Store) -> None:
    first = decision(received=RECEIVED)
    second = decision(received=RECEIVED - timedelta(hours=1))
    store.append_now(first)
    store.append_now(second)
    assert [one.decision.exchange for one in store.each(Filters())] == [first.exchange, second.exchange]
    assert list(store.verify()) == []


@pytest.mark.parametrize(
    "filters",
    [
        Filters(since=RECEIVED + timedelta(hours=1)),
        Filters(caller=OTHER),
        Filters(service="another"),
        Filters(hook="order-select"),
        Filters(hook_instance="another"),
        Filters(policy="https://example.org/another"),
        Filters(code="another", outcome="not-met"),
        Filters(determination="another"),
        Filters(card="another"),
        Filters(patient="another"),
    ],
)
def test_every_filter_finds_what_it_says_and_nothing_else(store: Store, filters: Filters) -> None:
    unlike = decision(determined=(determined("met", "another"), determined("not-met")))
    store.append_now(unlike)
    other = PolicyVersion("https://example.org/another", "1", "h")
    wanted = decision(
        received=RECEIVED + timedelta(hours=1),
        caller=OTHER,
        service="another",
        hook="order-select",
        hook_instance="another",
        determined=(replace(determined("not-met", "another"), id="another", policy=other),),
        cards=(Guidance("another"),),
        contents=contents("another"),
    )
    store.append_now(wanted)
    assert exchanges(store.search(filters).items) == [wanted.exchange]
    assert [one.decision for one in store.each(filters)] == [wanted]
    assert store.count(filters) == 1


def test_determinations_are_counted_by_outcome_and_no_further_than_asked(store: Store) -> None:
    two = (determined("met", "a"), determined("met", "b"), determined("not-met", "a"))
    for hours in range(3):
        store.append_now(decision(determined=two, received=RECEIVED + timedelta(hours=hours)))
    outcomes = ("met", "not-met", "not-evaluated")
    assert store.count_outcomes(Filters(), outcomes, most=9) == {"met": 6, "not-met": 3, "not-evaluated": 0}
    assert store.count_outcomes(Filters(), outcomes, most=4) == {"met": 4, "not-met": 3, "not-evaluated": 0}
    since = Filters(code="a", since=RECEIVED + timedelta(hours=1))
    assert store.count_outcomes(since, outcomes, most=9) == {"met": 2, "not-met": 2, "not-evaluated": 0}
    assert store.count_outcomes(Filters(caller=OTHER), ["met"], most=9) == {"met": 0}


def test_a_filtered_list_goes_on_where_a_page_ended(store: Store) -> None:
    made = [decision(determined=(determined("met" if i % 2 else "not-met"), determined("met"))) for i in range(6)]
    for one in made:
        store.append_now(one)
    first = store.search(Filters(outcome="not-met"), limit=2)
    rest = store.search(Filters(outcome="not-met"), following=first.following, limit=2)
    assert exchanges((*first.items, *rest.items)) == [one.exchange for one in reversed(made[::2])]
    assert rest.following is None


def test_until_leaves_its_own_moment_out(store: Store) -> None:
    store.append_now(decision())
    assert store.count(Filters(until=RECEIVED)) == 0
    assert store.count(Filters(since=RECEIVED, until=RECEIVED + timedelta(microseconds=1))) == 1


def test_one_caller_does_not_find_what_is_anothers(store: Store) -> None:
    one = decision()
    store.append_now(one)
    assert store.find(one.exchange, EHR) is not None
    assert store.find(one.exchange, OTHER) is None
    assert store.find(one.exchange, Caller(EHR.issuer, "south")) is None


def test_feedback_is_tied_to_the_determinations_of_its_card(store: Store) -> None:
    store.append_now(decision())
    (receipt,) = asyncio.run(store.feedback([feedback()]))
    assert receipt.fresh
    (kept,) = store.feedback_kept()
    assert kept.record == feedback()
    assert kept.determinations == (name("determination"),)
    assert kept.known


def test_repeated_feedback_is_kept_once(store: Store) -> None:
    twice = [feedback(), feedback(comment="again")]
    assert [one.fresh for one in store.feedback_now(twice)] == [True, False]
    assert [one.fresh for one in asyncio.run(store.feedback(twice))] == [False, False]
    assert [kept.record.comment for kept in store.feedback_kept()] == [feedback().comment]
    assert list(store.verify()) == []


def test_feedback_on_an_unknown_card_is_kept_and_known_once_the_card_is(store: Store) -> None:
    store.feedback_now([feedback()])
    assert [kept.known for kept in store.feedback_kept()] == [False]
    store.append_now(decision())
    assert [kept.known for kept in store.feedback_kept()] == [True]


def test_a_card_is_not_known_to_another_caller(store: Store) -> None:
    store.append_now(decision())
    store.feedback_now([feedback(caller=OTHER), feedback()])
    assert [kept.known for kept in store.feedback_kept(cards=[name("card")])] == [False, True]
    assert list(store.feedback_kept(cards=[name("no card")])) == []
    assert list(store.feedback_kept(since=RECEIVED + timedelta(days=1))) == []


def test_odd_characters_do_no_harm(store: Store) -> None:
    odd = "a\0b\u202e\U0001f9b4'\";--"
    one = decision(caller=Caller(odd, odd), hook_instance=odd, contents=contents(odd))
    store.append_now(one)
    store.feedback_now([feedback(caller=Caller(odd, odd), card=odd, comment=odd)])
    kept = store.find(one.exchange, Caller(odd, odd))
    assert kept is not None
    assert kept.decision == one
    assert store.count(Filters(patient=odd, hook_instance=odd)) == 1
    assert list(store.verify()) == []


def test_many_at_once_are_all_kept(store: Store) -> None:
    made = [decision() for _ in range(300)]

    async def all_at_once() -> list[str]:
        return [one.id for one in await asyncio.gather(*map(store.append, made))]

    assert asyncio.run(all_at_once()) == [one.exchange for one in made]
    assert {one.decision.exchange for one in store.each(Filters())} == {one.exchange for one in made}
    assert list(store.verify()) == []


def test_a_head_noted_before_is_found_again(store: Store) -> None:
    store.append_now(decision())
    noted = store.heads()
    store.append_now(decision())
    looked_at = list[int]()
    assert list(store.verify(anchors=noted, progress=looked_at.append)) == []
    assert sum(looked_at) >= 2
    invented = [Head(noted[0].writer, noted[0].sequence, "f" * 64), Head("nobody", 1, "f" * 64)]
    assert [one.fault for one in store.verify(anchors=invented)] == [Fault.CHANGED, Fault.MISSING]


def test_a_closed_store_takes_nothing(store: Store) -> None:
    store.append_now(decision())
    assert store.state().writable
    store.close()
    store.close()
    assert not store.state().writable
    with pytest.raises(StoreUnavailable):
        store.append_now(decision())


def test_policies_and_cards_are_read_back_with_the_decision(store: Store) -> None:
    one = decision()
    store.append_now(one)
    (kept,) = store.search(Filters()).items
    assert kept.decision.policies == (POLICY,)
    assert kept.decision.parameters == {str(POLICY): {"most": "5"}}
    assert kept.decision.cards == one.cards


def test_a_store_in_memory_forgets_the_oldest() -> None:
    times = clock()
    store = InMemoryStore(bound=3, clock=lambda: next(times))
    made = [decision() for _ in range(5)]
    for one in made:
        store.append_now(one)
    assert [one.decision.exchange for one in store.each(Filters())] == [one.exchange for one in made[2:]]
    assert store.find(made[0].exchange) is None
    assert list(store.verify()) == []


def test_a_set_of_policies_is_kept_once_under_its_revision(store: Store) -> None:
    assert store.policies_kept() == {}
    for revision, package in (("b", b"first"), ("a", b"second"), ("b", b"other")):
        store.keep_policies(revision, package)
    assert [*store.policies_kept()] == ["b", "a"]
    assert [store.policies_of(one) for one in ("a", "b", "c")] == [b"second", b"first", None]
    assert list(store.verify()) == []
