"""Which network addresses may be connected to: public ones, and those that the operator opened by CIDR.

`ipaddress.is_global` does not tell: Python 3.11 takes several addresses below for global.
Source: IANA IPv4 and IPv6 Special-Purpose Address Registries; RFC 4291, 6052 (NAT64), 3056 (6to4).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final, Self

__all__ = ["LOOPBACK", "AddressRules", "is_loopback"]

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

LOOPBACK: Final = ("127.0.0.0/8", "::1/128")

_NOT_PUBLIC: Final = tuple(
    map(
        ip_network,
        (
            "0.0.0.0/8",  # "this host": a connection to it ends at loopback
            "10.0.0.0/8",
            "100.64.0.0/10",  # carriers' NAT; one cloud's metadata
            "127.0.0.0/8",
            "168.63.129.16/32",  # one cloud's platform services, at a public address
            "169.254.0.0/16",  # link-local; most clouds' metadata
            "172.16.0.0/12",
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.88.99.0/24",
            "192.168.0.0/16",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/3",  # multicast, reserved, broadcast
            "2001::/23",  # Teredo and other protocol assignments
            "2001:db8::/32",
            "3fff::/20",
        ),
    )
)
_GLOBAL_UNICAST: Final = IPv6Network("2000::/3")
_NAT64: Final = IPv6Network("64:ff9b::/96")


@dataclass(frozen=True, slots=True)
class AddressRules:
    """What may be connected to: any public address, and every address of the networks in `opened`."""

    opened: tuple[Network, ...] = ()

    @classmethod
    def of(cls, networks: Iterable[str] = (), *, loopback: bool = False) -> Self:
        """Return rules that open networks written as CIDR, such as `10.2.0.0/16`. Raises ValueError for other texts."""
        return cls(tuple(ip_network(one) for one in (*networks, *(LOOPBACK if loopback else ()))))

    def permit(self, text: str) -> bool:
        """Return whether an address may be connected to; what is no address may not."""
        try:
            address = ip_address(text)
        except ValueError:
            return False
        if isinstance(address, IPv6Address) and address.ipv4_mapped:
            address = address.ipv4_mapped
        return any(address in one for one in self.opened) or _is_public(_behind(address))


def is_loopback(host: str) -> bool:
    """Return whether a host, as it stands in a URL, can be this machine only: a literal address, or `localhost`."""
    try:
        return any(ip_address(host) in ip_network(one) for one in LOOPBACK)
    except ValueError:
        return host == "localhost"


def _behind(address: Address) -> Address:
    """Return the IPv4 address that a NAT64 or 6to4 address leads to; any other as it is."""
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.sixtofour or address


def _is_public(address: Address) -> bool:
    if isinstance(address, IPv6Address) and address not in _GLOBAL_UNICAST:
        return False
    return not any(address in one for one in _NOT_PUBLIC)
