"""The chain of hashes: whatever is done to it afterwards is found, and named."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from cds_service.store.chain import GENESIS, Fault, Finding, Head, Link, hash_of, missing_heads, tips, walk

WRITER = "w"
contents = st.lists(st.binary(max_size=20), min_size=2, max_size=12)


def chained(written: list[bytes]) -> list[Link]:
    links, previous = list[Link](), GENESIS
    for sequence, content in enumerate(written, 1):
        current = hash_of(WRITER, sequence, previous, content)
        links.append(Link(sequence, f"e{sequence}", content, previous, current))
        previous = current
    return links


def head_of(links: list[Link]) -> Head:
    return Head(WRITER, links[-1].sequence, links[-1].hash)


def found(links: list[Link], head: Head) -> list[tuple[Fault, int]]:
    return [(one.fault, one.sequence) for one in walk(links, head)]


@given(contents)
def test_an_untouched_chain_holds(written: list[bytes]) -> None:
    links = chained(written)
    assert found(links, head_of(links)) == []


@given(contents, st.data())
def test_a_changed_entry_is_named(written: list[bytes], data: st.DataObject) -> None:
    links = chained(written)
    at = data.draw(st.integers(0, len(links) - 1))
    changed = [*links[:at], replace(links[at], content=links[at].content + b"!"), *links[at + 1 :]]
    assert found(changed, head_of(links)) == [(Fault.CHANGED, at + 1)]


@given(contents, st.data())
def test_a_changed_entry_is_named_though_its_hash_was_made_to_fit(written: list[bytes], data: st.DataObject) -> None:
    links = chained(written)
    at = data.draw(st.integers(0, len(links) - 1))
    content = links[at].content + b"!"
    fitting = hash_of(WRITER, at + 1, links[at].previous, content)
    changed = [*links[:at], replace(links[at], content=content, hash=fitting), *links[at + 1 :]]
    assert found(changed, head_of(links)) == [(Fault.CHANGED, at + 1)]


@given(contents, st.data())
def test_missing_entries_are_named_the_last_ones_included(written: list[bytes], data: st.DataObject) -> None:
    links = chained(written)
    start = data.draw(st.integers(0, len(links) - 1))
    end = data.draw(st.integers(start + 1, len(links)))
    left = links[:start] + links[end:]
    (finding,) = walk(left, head_of(links))
    assert (finding.fault, finding.sequence) == (Fault.MISSING, start + 1)
    assert end - start == 1 or f"{end - start} entries" in finding.detail


@given(st.lists(st.binary(max_size=20), min_size=3, max_size=12), st.data())
def test_exchanged_entries_are_named_with_the_places_they_came_from(written: list[bytes], data: st.DataObject) -> None:
    links = chained(written)
    first = data.draw(st.integers(0, len(links) - 2))
    second = data.draw(st.integers(first + 1, len(links) - 1))
    swapped = list(links)
    swapped[first] = replace(links[second], sequence=first + 1)
    swapped[second] = replace(links[first], sequence=second + 1)
    told = list(walk(swapped, head_of(links)))
    assert [(one.fault, one.sequence) for one in told] == [(Fault.REORDERED, first + 1), (Fault.REORDERED, second + 1)]
    assert told[0].detail == f"it was written as entry {second + 1}"


@given(contents, st.binary(max_size=20))
def test_a_second_entry_in_one_place_is_a_fork(written: list[bytes], other: bytes) -> None:
    links = chained(written)
    last = links[-1]
    second = Link(last.sequence, "f", other, last.previous, hash_of(WRITER, last.sequence, last.previous, other))
    assert (Fault.FORK, last.sequence) in found([*links, second], head_of(links))


@given(contents, st.binary(max_size=20))
def test_a_second_entry_after_the_same_one_is_a_fork(written: list[bytes], other: bytes) -> None:
    links = chained(written)
    at, previous = links[-1].sequence + 1, links[-1].previous
    second = Link(at, "f", other, previous, hash_of(WRITER, at, previous, other))
    forked = [*links, second]
    assert found(forked, head_of(forked)) == [(Fault.FORK, at)]


@given(contents, st.integers(1, 11))
def test_a_chain_may_be_walked_from_a_place_inside(written: list[bytes], start: int) -> None:
    links = chained(written)
    before = links[: min(start, len(links) - 1)]
    assert list(walk(links[len(before) :], head_of(links), after=head_of(before))) == []


def test_a_great_disorder_is_told_without_trying_every_place() -> None:
    links = chained([b"%d" % i for i in range(500)])
    renumbered = [replace(one, sequence=one.sequence - 1) for one in links[1:]]
    told = list(walk(renumbered, head_of(links)))
    assert sum(one.fault is Fault.REORDERED for one in told) == len(renumbered)
    assert told[-1] == Finding(Fault.MISSING, WRITER, 500)


def test_a_noted_head_finds_what_is_gone_or_another() -> None:
    kept = {("a", 3): "x", ("b", 5): "y"}
    noted = [Head("a", 3, "x"), Head("b", 5, "z"), Head("c", 1, "q"), Head("d", 0)]
    told = list(missing_heads(noted, lambda head: kept.get((head.writer, head.sequence))))
    assert [(one.fault, one.writer) for one in told] == [(Fault.CHANGED, "b"), (Fault.MISSING, "c")]


def test_only_heads_that_no_entry_names_are_named_next() -> None:
    heads = [Head("a", 3, "x"), Head("b", 5, "y"), Head("c")]
    assert tips(heads, [Head("a", 3, "x"), Head("b", 4, "w")]) == (Head("b", 5, "y"),)


def test_a_finding_reads_as_one_line() -> None:
    assert str(Finding(Fault.CHANGED, "w", 7, "e7")) == "changed: entry 7 of writer w (e7)"
    assert str(Finding(Fault.DAMAGED, "", 0, None, "torn")) == "damaged: the database: torn"
