"""Where a webhook may go: never into the network that Askelma itself stands in, unless embedded."""

import asyncio
import socket
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address

import httpx


class RefusedAddressError(Exception):
    """The address leads, or may lead, to a machine that a webhook has no business with."""


@dataclass(frozen=True, slots=True)
class Target:
    """An address settled once: what is asked for, of which machine, under which name."""

    url: httpx.URL
    host_header: str
    server_name: str


async def settle(url: str, *, private_allowed: bool) -> Target:
    """Look the host up once and return where to connect, so that no second answer can lead elsewhere.

    Raises RefusedAddressError unless every answer is a public address (or `private_allowed`), and for plain http
    then; OSError where the name has no answer.
    """
    asked = httpx.URL(url)
    if not private_allowed and asked.scheme != "https":
        raise RefusedAddressError("a webhook needs https")
    port = asked.port or (443 if asked.scheme == "https" else 80)
    loop = asyncio.get_running_loop()
    answers = await loop.getaddrinfo(asked.host, port, type=socket.SOCK_STREAM)
    machines = [str(answer[4][0]) for answer in answers]
    if not private_allowed and not all(_is_public(machine) for machine in machines):
        raise RefusedAddressError("the address leads into a private network")
    host_header = asked.netloc.decode("ascii")
    return Target(asked.copy_with(host=machines[0]), host_header, asked.host)


def _is_public(machine: str) -> bool:
    address = ip_address(machine)
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return address.is_global and not address.is_multicast
