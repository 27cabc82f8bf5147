"""Payloads: compressed, encrypted where there is a key, and never taken for what they are not."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_service.store.errors import KeyFault, NoKey, Unreadable
from cds_service.store.payload import Keys, Sealed, new_key, pack, unpack
from tests.unit.store.making import key

OLD, NEW = key("old"), key("new")
SECRET = OLD.partition(":")[2]
TEXT = b"the chart of a made up patient " * 20
parts = st.dictionaries(st.text().filter(lambda name: name != "salt"), st.binary() | st.text(), max_size=4)


def sealed_by(keys: Keys, data: bytes = TEXT) -> tuple[Sealed, dict[str, object]]:
    packed = pack([("request", data)])
    return keys.seal(packed, about="e", patient="p"), {"about": "e", "digest": packed.digest, "size": packed.size}


@given(parts, st.sampled_from(["", OLD]))
def test_what_is_sealed_opens_again(held: dict[str, bytes | str], setting: str) -> None:
    keys, packed = Keys.of(setting), pack(held.items())
    opened = keys.open(keys.seal(packed, about="e"), about="e", digest=packed.digest, size=packed.size)
    assert unpack(opened) == held


def test_with_a_key_nothing_can_be_read_without_it() -> None:
    sealed, known = sealed_by(Keys.of(OLD))
    assert b"chart" not in sealed.data
    with pytest.raises(NoKey, match="`old`"):
        Keys.of(NEW).open(sealed, **known)  # type: ignore[arg-type]
    with pytest.raises(NoKey, match="`old`"):
        Keys().open(sealed, **known)  # type: ignore[arg-type]


def test_a_new_key_in_front_writes_and_the_old_one_still_reads() -> None:
    sealed, known = sealed_by(Keys.of(OLD))
    both = Keys.of(f"{NEW}, {OLD}")
    assert unpack(both.open(sealed, **known))["request"] == TEXT  # type: ignore[arg-type]
    assert sealed_by(both)[0].key == "new"


@pytest.mark.parametrize("setting", ["", OLD], ids=["open", "sealed"])
@given(st.data())
def test_a_changed_bit_is_never_read(setting: str, data: st.DataObject) -> None:
    keys = Keys.of(setting)
    sealed, known = sealed_by(keys)
    at, bit = data.draw(st.integers(0, len(sealed.data) - 1)), 1 << data.draw(st.integers(0, 7))
    changed = bytes(byte ^ bit if i == at else byte for i, byte in enumerate(sealed.data))
    try:
        opened = keys.open(Sealed(sealed.key, sealed.patient, changed), **known)  # type: ignore[arg-type]
    except Unreadable:
        return
    assert unpack(opened)["request"] == TEXT  # a bit of Zstandard's frame that says nothing


def test_a_payload_does_not_open_for_another_entry() -> None:
    keys = Keys.of(OLD)
    sealed, known = sealed_by(keys)
    with pytest.raises(Unreadable):
        keys.open(sealed, **known | {"about": "another"})  # type: ignore[arg-type]


def test_what_would_grow_without_bound_is_not_unpacked() -> None:
    bomb, known = sealed_by(Keys(), b"0" * 50_000_000)
    with pytest.raises(Unreadable):
        Keys().open(bomb, **known | {"size": 100})  # type: ignore[arg-type]


def test_equal_parts_have_digests_that_cannot_be_guessed() -> None:
    assert pack([("outcome", "met")]).digest != pack([("outcome", "met")]).digest


def test_a_patient_is_found_under_every_key_and_named_by_none() -> None:
    both = Keys.of(f"{NEW},{OLD}")
    assert Keys.of(OLD).patients("p")[0] in both.patients("p")
    assert both.patients("p") != both.patients("q")
    assert both.patients("") == ()
    assert len({*both.patients("p"), *Keys().patients("p")}) == 3


@pytest.mark.parametrize(
    ("setting", "reason"),
    [
        (SECRET, "key 1 has no name"),
        (f"{OLD},b ad:{SECRET}", "key 2 has no name"),
        ("a:%%%", "key 1 is not in base64"),
        (f"a:{base64.b64encode(b'short').decode()}", "key 1 has 5 bytes, not 32"),
        (f"{OLD},{OLD}", "same name"),
    ],
    ids=["no name", "an odd name", "no base64", "short", "twice"],
)
def test_a_key_of_another_form_is_refused_without_being_repeated(setting: str, reason: str) -> None:
    with pytest.raises(KeyFault, match=reason) as refused:
        Keys.of(setting)
    assert setting.rpartition(":")[2] not in str(refused.value)
    assert OLD.rpartition(":")[2] not in repr(Keys.of(OLD))


def test_a_new_key_is_of_the_form_that_is_asked_for() -> None:
    assert Keys.of(f"fresh:{new_key()}").writing == "fresh"
    assert new_key() != new_key()
