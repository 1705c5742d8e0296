"""Which addresses may be connected to: people who set up channels must not reach this machine's network."""

import asyncio
import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_TRANSLATED = ip_network("64:ff9b::/96")


class Undelivered(Exception):
    """A notice did not arrive, and why."""


@dataclass(frozen=True)
class Guard:
    """Resolves names, and refuses what is not out in the world unless the operator allowed it."""

    private: tuple[Network, ...] = ()
    """Networks of the plant that may be reached."""

    async def vetted(self, host: str, port: int) -> str:
        """An address of a host that may be connected to; connect to it and not to the name, which may change.

        Raises Undelivered, also when only one of its addresses may not be reached."""
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise Undelivered(f"{host} is not known: {error}") from error
        addresses = [ip_address(str(each[4][0]).split("%", 1)[0]) for each in found]
        for each in addresses:
            if not self.allows(each):
                raise Undelivered(
                    f"{host} is at {each}, which is no public address; the operator may allow its network "
                    "(ANDON_NOTIFY__PRIVATE_NETWORKS)"
                )
        if not addresses:
            raise Undelivered(f"{host} has no address")
        return str(addresses[0])

    def allows(self, address: Address) -> bool:
        """Whether it is public, or was allowed."""
        inner = _embedded(address)
        if any(inner.version == network.version and inner in network for network in self.private):
            return True
        return inner.is_global and not inner.is_multicast and not inner.is_reserved


def _embedded(address: Address) -> Address:
    """The IPv4 address that is reached by way of an IPv6 one."""
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    if address in _TRANSLATED:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address
