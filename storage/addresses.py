"""Which addresses are called when somebody else names them: public ones, and those that the operator allows.

A webhook, an input's URL or a link in an upstream's answer must not make the gateway speak to what only the gateway can
reach. So an address is judged twice: `check_url` reads the URL with the parser that the client uses, and refuses every
spelling of a private address; `resolve` judges all that a name stands for, and the client connects to nothing else.
"""

import asyncio
import re
import socket
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache, partial
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import NamedTuple, NoReturn, Self

from yarl import URL  # aiohttp's own: what is judged here is what it will connect to

from storage.errors import AddressRefused, InvalidRequest, RequestError, UpstreamUnreachable

URL_LIMIT = 2048
LOOKUPS = 16
LOOKUP_LIMIT_S = 5.0

Address = IPv4Address | IPv6Address
Lookup = Callable[[str, int], Awaitable[Sequence[str]]]
"""Host and port to the addresses of that host, as text. Raises OSError if there are none."""
Named = Callable[[str, int], bool]
"""Whether the operator has named this host and port."""

_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"(?=.{{1,254}}$){_LABEL}(?:\.{_LABEL})*\.?")
_NUMBER = re.compile(r"(?:.*\.)?(?:\d+|0x[\da-f]*)\.?", re.IGNORECASE)
_START = re.compile(r"https?://", re.IGNORECASE)
_PARTS = re.compile(r"https?://(?:\[[\da-f:.]+\]|[^][:@/?#]+)(?::([0-9]{1,5}))?((?:[/?#].*)?)", re.IGNORECASE)
_NOT_PUBLIC = (
    "this address is not public; only public ones are called, and those that the operator allows "
    "(GATEWAY_OUTBOUND_ALLOW)"
)

# What IANA lists as not for the public internet, and two that it does not list. Kept here, since `is_global` has
# changed between Python's minor versions. Sources: IANA IPv4 and IPv6 Special-Purpose Address Registries.
_NOT_PUBLIC_V4 = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8",  # this network: 0.0.0.0 reaches this machine
            "10.0.0.0/8",
            "100.64.0.0/10",  # carrier-grade NAT
            "127.0.0.0/8",
            "168.63.129.16/32",  # Azure's host, as its virtual machines see it
            "169.254.0.0/16",  # link-local, and most clouds' metadata
            "172.16.0.0/12",
            "192.0.0.0/24",  # protocol assignments
            "192.0.2.0/24",  # documentation, as are 198.51.100.0 and 203.0.113.0
            "192.88.99.0/24",  # 6to4 relays
            "192.168.0.0/16",
            "198.18.0.0/15",  # benchmarks
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/4",  # multicast
            "240.0.0.0/4",  # reserved, and broadcast
        ),
    )
)
_PUBLIC_V6 = IPv6Network("2000::/3")
"""All that is given out as global unicast. Loopback, mapped and translated IPv4, ULA and the rest are outside."""
_NOT_PUBLIC_V6 = tuple(
    map(
        IPv6Network,
        (
            "2001::/23",  # protocol assignments: Teredo, benchmarks, ORCHID
            "2001:db8::/32",  # documentation
            "2002::/16",  # 6to4, which holds an IPv4 address
            "3ffe::/16",  # the 6bone of old
            "3fff::/20",  # documentation
        ),
    )
)


def is_public(address: Address) -> bool:
    """Whether anybody on the internet could reach this address as well as we can."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _NOT_PUBLIC_V4)
    return address in _PUBLIC_V6 and not any(address in network for network in _NOT_PUBLIC_V6)


@dataclass(frozen=True)
class Allowed:
    """What the operator allows although it is not public: networks, and names whatever they resolve to."""

    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    names: frozenset[str] = frozenset()

    @classmethod
    def parse(cls, text: str) -> Self:
        """`10.1.0.0/16, 127.0.0.1, hooks.internal`. Raises ValueError, which says what is wrong with which entry."""
        entries = [entry for part in text.split(",") if (entry := part.strip().lower())]
        networks = [_network(entry) for entry in entries if _looks_numeric(entry)]
        names = [_allowed_name(entry) for entry in entries if not _looks_numeric(entry)]
        return cls(tuple(networks), frozenset(names))

    def address(self, address: Address) -> bool:
        return any(address in network for network in self.networks)

    def name(self, host: str) -> bool:
        return host.removesuffix(".") in self.names


class Target(NamedTuple):
    """A URL that may be called, if its host turns out to be what `Guard.resolve` accepts."""

    url: URL
    host: str
    port: int
    address: Address | None  # if the host is an address, not a name

    @property
    def shown(self) -> str:
        """As much of it as logs and messages may hold: paths and queries carry other people's tokens."""
        port = "" if self.url.is_default_port() else f":{self.port}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.url.scheme}://{host}{port}/…"


async def lookup(host: str, port: int) -> list[str]:
    """The addresses that this machine's resolver has for a name.

    In threads of their own: a stranger's name server may hold one for long, and other work must not wait for it.
    """
    ask = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
    found = await asyncio.get_running_loop().run_in_executor(_lookups, ask)
    return list(dict.fromkeys(str(info[4][0]) for info in found))


_lookups = ThreadPoolExecutor(LOOKUPS, thread_name_prefix="lookup")  # none starts before it is needed


def nobody(_host: str, _port: int) -> bool:
    return False


class Guard:
    """Says whether an address that came from outside may be called. `field` is where the caller wrote it.

    `named`: hosts and ports that the operator has named besides, as those of accounts.
    """

    def __init__(self, allowed: Allowed | None = None, lookup: Lookup = lookup, named: Named = nobody) -> None:
        self._allowed = allowed or Allowed()
        self._lookup, self._named = lookup, named

    def check_url(self, text: str, *, field: str | None = None) -> Target:
        """The URL, read. It looks nothing up: a name that passes may still be refused by `resolve`.

        Raises InvalidRequest if it is no http or https URL, AddressRefused if what it names is plainly not public.
        """
        target = _read(text, field)
        host = target.host.removesuffix(".")
        if self._named(host, target.port):
            return target
        if target.address:
            self._check([target.address], field)
        elif (host == "localhost" or host.endswith(".localhost")) and not self._may_be_loopback(host):
            raise AddressRefused(_NOT_PUBLIC, field=field)
        return target

    def check_redirect(self, target: Target, location: str, *, field: str | None = None) -> Target:
        """Where a redirect leads, judged like a URL of its own. Raises InvalidRequest, AddressRefused."""
        try:
            plain = location.isascii() and " " not in location
            onward = str(target.url.join(URL(location, encoded=plain)))
        except ValueError:
            raise InvalidRequest("it redirects to something that is not a URL", field=field) from None
        try:
            return self.check_url(onward, field=field)
        except RequestError as error:
            raise type(error)(f"it redirects to an address that is refused: {error}", field=field) from None

    async def resolve(self, host: str, port: int, *, field: str | None = None) -> list[Address]:
        """The addresses of a host, each of which may be connected to.

        Raises AddressRefused if any of them may not, UpstreamUnreachable if there is none.
        """
        try:
            async with asyncio.timeout(LOOKUP_LIMIT_S):
                found = [ip_address(text) for text in await self._lookup(host, port)]
        except OSError:  # a TimeoutError is one
            found = []
        if not found:
            raise UpstreamUnreachable(f"no address was found for {host}")
        if not self._allowed.name(host) and not self._named(host.removesuffix("."), port):
            self._check(found, field)
        return found

    def _check(self, addresses: Sequence[Address], field: str | None) -> None:
        if not all(is_public(address) or self._allowed.address(address) for address in addresses):
            raise AddressRefused(_NOT_PUBLIC, field=field)

    def _may_be_loopback(self, host: str) -> bool:
        loopback = map(ip_address, ("127.0.0.1", "::1"))
        return self._allowed.name(host) or any(map(self._allowed.address, loopback))


@lru_cache(maxsize=1024)  # webhooks go to the same few again and again
def _read(text: str, field: str | None) -> Target:
    """The parts of a URL. Strict: what two parsers could read in two ways is refused."""

    def refuse(why: str) -> NoReturn:
        raise InvalidRequest(why, field=field)

    if len(text) > URL_LIMIT:
        refuse(f"a URL has at most {URL_LIMIT} characters")
    if not _START.match(text):
        refuse("a URL starts with http:// or https://")
    if not text.isprintable() or " " in text or "\\" in text:
        refuse("a URL holds no spaces, backslashes or control characters")
    if "@" in re.split("[/?#]", text, maxsplit=3)[2]:
        refuse("a URL holds no user name or password here")
    parts = _PARTS.fullmatch(text)
    if parts and not 0 < int(parts[1] or 1) < 65536:
        refuse("a port is a number from 1 to 65535")
    url = _parsed(text) if parts else None
    if parts is None or url is None:
        refuse("this is not a valid URL")
    if text.isascii():  # to the letter, for whoever signed it: only the host is in its usual form
        url = URL(f"{url.scheme}://{url.raw_authority}{parts[2]}", encoded=True)
    host = url.raw_host or ""
    try:
        return Target(url, host, url.port or 0, _literal(host))
    except ValueError as error:
        refuse(str(error))


def _parsed(text: str) -> URL | None:
    try:
        url = URL(text)
        return url if url.host else None  # `host` is decoded when first asked for, and may not be decodable
    except ValueError:
        return None


def _literal(host: str) -> Address | None:
    """The address that a host is, or None for a name. Raises ValueError for what is neither."""
    if ":" in host:
        return IPv6Address(host)
    if not _NUMBER.fullmatch(host):
        if not _NAME.fullmatch(host):
            raise ValueError("the host of this URL is not a valid name")
        return None
    try:
        return IPv4Address(host)
    except ValueError:  # 127.1, 0x7f.1, 2130706433, 127.0.0.1.: some parsers read these as an address
        raise ValueError("an address in numbers is written like 192.0.2.1") from None


def _looks_numeric(entry: str) -> bool:
    return ":" in entry or "/" in entry or _NUMBER.fullmatch(entry) is not None


def _network(entry: str) -> IPv4Network | IPv6Network:
    try:
        return ip_network(entry)
    except ValueError as error:
        raise ValueError(f"{entry!r} is not a network like 10.1.0.0/16 or fd00::/8 ({error})") from None


def _allowed_name(entry: str) -> str:
    if not _NAME.fullmatch(entry):
        raise ValueError(f"{entry!r} is neither a network like 10.1.0.0/16 nor the name of a host")
    return entry.removesuffix(".")
