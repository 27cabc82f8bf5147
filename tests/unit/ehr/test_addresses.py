from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_service.ehr.addresses import AddressRules, is_loopback

REFUSED = {
    "this host": "0.0.0.0",  # noqa: S104 - refused
    "loopback": "127.0.0.1",
    "another loopback": "127.255.255.254",
    "private, A": "10.1.2.3",
    "private, B": "172.16.0.1",
    "private, end of B": "172.31.255.255",
    "private, C": "192.168.1.1",
    "carriers' NAT": "100.64.0.1",
    "metadata behind carriers' NAT": "100.100.100.200",
    "metadata, link-local": "169.254.169.254",
    "metadata at a public address": "168.63.129.16",
    "protocol assignments": "192.0.0.8",
    "metadata among protocol assignments": "192.0.0.192",
    "documentation": "192.0.2.1",
    "6to4 relays": "192.88.99.1",
    "benchmarks": "198.18.0.1",
    "multicast": "224.0.0.1",
    "reserved": "240.0.0.1",
    "broadcast": "255.255.255.255",
    "IPv6, none": "::",
    "IPv6, loopback": "::1",
    "IPv6, mapped loopback": "::ffff:127.0.0.1",
    "IPv6, mapped loopback in hexadecimal": "::ffff:7f00:1",
    "IPv6, mapped metadata": "::ffff:169.254.169.254",
    "IPv6, compatible loopback": "::127.0.0.1",
    "IPv6, translated loopback": "::ffff:0:127.0.0.1",
    "IPv6, NAT64 of loopback": "64:ff9b::7f00:1",
    "IPv6, local NAT64": "64:ff9b:1::1",
    "IPv6, 6to4 of loopback": "2002:7f00:1::",
    "IPv6, 6to4 of a private address": "2002:a00:1::1",
    "IPv6, Teredo": "2001:0:7f00:1::",
    "IPv6, unique local": "fc00::1",
    "IPv6, unique local metadata": "fd00:ec2::254",
    "IPv6, link-local": "fe80::1",
    "IPv6, link-local with a zone": "fe80::1%eth0",
    "IPv6, site-local": "fec0::1",
    "IPv6, multicast": "ff02::1",
    "IPv6, discard": "100::1",
    "IPv6, documentation": "2001:db8::1",
    "IPv6, more documentation": "3fff::1",
    "IPv6, segment routing": "5f00::1",
    "a short form": "127.1",
    "a decimal form": "2130706433",
    "an octal form": "0177.0.0.1",
    "a hexadecimal form": "0x7f.0.0.1",
    "a name": "localhost",
    "nothing": "",
}

PERMITTED = {
    "IPv4": "8.8.8.8",
    "IPv4, beside the private ones": "172.32.0.1",
    "IPv6": "2606:4700:4700::1111",
    "IPv6, mapped": "::ffff:8.8.8.8",
    "IPv6, NAT64": "64:ff9b::808:808",
    "IPv6, 6to4": "2002:808:808::1",
}


@pytest.mark.parametrize("address", REFUSED.values(), ids=REFUSED)
def test_an_address_that_is_not_public_is_not_connected_to(address: str) -> None:
    assert not AddressRules().permit(address)


@pytest.mark.parametrize("address", PERMITTED.values(), ids=PERMITTED)
def test_a_public_address_may_be_connected_to(address: str) -> None:
    assert AddressRules().permit(address)


def test_the_operator_opens_a_network_and_no_other() -> None:
    rules = AddressRules.of(["10.2.0.0/16", "fd12:3456::/32"])
    permitted = ["10.2.3.4", "::ffff:10.2.3.4", "fd12:3456::1", "8.8.8.8"]
    assert all(map(rules.permit, permitted))
    assert not any(map(rules.permit, ["10.3.0.1", "127.0.0.1", "fd12:3457::1"]))


def test_loopback_is_opened_by_its_own_switch() -> None:
    rules = AddressRules.of(loopback=True)
    assert all(map(rules.permit, ["127.0.0.1", "::1", "::ffff:127.0.0.1"]))
    assert not any(map(rules.permit, ["0.0.0.0", "169.254.169.254", "10.0.0.1", "64:ff9b::7f00:1"]))  # noqa: S104


@pytest.mark.parametrize("text", ["10.2.3.4/16", "10.2.0.0/33", "ehr.example.org", ""])
def test_what_is_no_network_cannot_be_opened(text: str) -> None:
    with pytest.raises(ValueError, match=r"does not appear|has host bits set"):
        AddressRules.of([text])


@given(st.ip_addresses(v=4, network="127.0.0.0/8"))
def test_no_way_to_wrap_loopback_gets_through(address: object) -> None:
    number = int(address)  # type: ignore[call-overload]
    wrapped = [
        f"::ffff:{address}",
        f"::{address}",
        f"64:ff9b::{address}",
        f"2002:{number >> 16:x}:{number & 65535:x}::1",
    ]
    assert not any(map(AddressRules().permit, wrapped))


def test_only_literal_addresses_and_localhost_are_known_to_be_loopback() -> None:
    assert all(map(is_loopback, ["localhost", "127.0.0.1", "127.9.9.9", "::1"]))
    assert not any(map(is_loopback, ["127.1", "localhost.example.org", "10.0.0.1", "0.0.0.0", ""]))  # noqa: S104
