"""No spelling of a private address passes, and no name that leads to one."""

import asyncio
import socket
from collections.abc import Sequence
from ipaddress import ip_address, ip_network

import pytest

from storage import addresses
from storage.addresses import Allowed, Guard, Lookup, is_public
from storage.errors import AddressRefused, InvalidRequest, RequestError, UpstreamUnreachable

PUBLIC = """
    1.1.1.1 8.8.8.8 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0 169.253.255.255 172.15.255.255
    172.32.0.0 192.0.1.0 192.169.0.0 198.20.0.0 223.255.255.255
    2001:200::1 2001:4860:4860::8888 2003::1 2600::1 2606:4700:4700::1111 2a00:1450:4001::200e
""".split()
NOT_PUBLIC = """
    0.0.0.0 0.1.2.3 10.0.0.0 10.255.255.255 100.64.0.0 100.100.100.200 100.127.255.255 127.0.0.1 127.255.255.255
    168.63.129.16 169.254.0.1 169.254.169.254 172.16.0.0 172.31.255.255 192.0.0.1 192.0.0.9 192.0.0.192 192.0.2.1
    192.88.99.1 192.168.0.0 192.168.255.255 198.18.0.0 198.19.255.255 198.51.100.1 203.0.113.1 224.0.0.1
    239.255.255.255 240.0.0.1 255.255.255.255
    :: ::1 ::127.0.0.1 ::8.8.8.8 ::ffff:10.0.0.1 ::ffff:8.8.8.8 ::ffff:0:7f00:1 64:ff9b::7f00:1 64:ff9b::808:808
    64:ff9b:1::a00:1 100::1 2001::1 2001:0:4136:e378::1 2001:2::1 2001:10::1 2001:20::1 2001:db8::1 2002:7f00:1::1
    2002:808:808::1 3ffe::1 3fff::1 4000::1 5f00::1 fc00::1 fd00:ec2::254 fe80::1 fe80::1%lo febf::1 fec0::1 feff::1
    ff02::1 ff0e::1
""".split()
SPELLINGS_OF_LOOPBACK = """
    127.0.0.1 127.1 127.0.1 2130706433 0x7f000001 0x7f.1 0X7F.0x0.0x0.0x1 0177.0.0.1 017700000001 127.0.0.1. 127.1.
    2130706433. 127.0.0.01 0 0.0.0.0 0x 0x0 00 4294967295 4294967296
    [::1] [::] [0:0:0:0:0:0:0:1] [::ffff:127.0.0.1] [::FFFF:7F00:1] [0:0:0:0:0:ffff:7f00:1] [::127.0.0.1]
    [64:ff9b::127.0.0.1] [64:ff9b:1::127.0.0.1] [2002:7f00:1::] [2001:0:7f00:1::] [fe80::1%25lo] [fe80::1%lo]
    [::1%25lo] [::1%lo] [::1].
    １２７.0.0.1 ①②⑦.⓪.⓪.① 127。0。0。1 127．0．0．1 127｡0｡0｡1 ٠x7f.1 %31%32%37.0.0.1 127%2e0%2e0%2e1
    localhost LOCALHOST localhost. a.localhost a.b.LocalHost. ⓛocalhost ｌocalhost local\u00adhost
""".split()


def answers(*found: str) -> Lookup:
    async def lookup(_host: str, _port: int) -> Sequence[str]:
        return found

    return lookup


@pytest.mark.parametrize("address", PUBLIC)
def test_what_anybody_can_reach_is_public(address: str) -> None:
    assert is_public(ip_address(address))


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_what_only_some_can_reach_is_not(address: str) -> None:
    assert not is_public(ip_address(address))


def test_nothing_is_public_that_python_calls_private() -> None:
    everywhere = [part[0] for net in ("0.0.0.0/0", "::/0") for part in ip_network(net).subnets(14)]
    public = [address for address in everywhere if is_public(address)]
    assert len(public) > 10_000
    assert [address for address in public if not address.is_global or address.is_multicast or address.is_reserved] == []


@pytest.mark.parametrize("host", SPELLINGS_OF_LOOPBACK)
@pytest.mark.parametrize("more", ["", ":8080", "/path?x=1"])
def test_no_spelling_of_loopback_passes(host: str, more: str) -> None:
    with pytest.raises(RequestError) as refused:
        Guard().check_url(f"http://{host}{more}", field="webhook")
    assert refused.value.field == "webhook"
    assert type(refused.value) in (AddressRefused, InvalidRequest)


@pytest.mark.parametrize("address", [address for address in NOT_PUBLIC if "%" not in address])
def test_a_private_address_in_a_url_is_refused_by_what_it_is(address: str) -> None:
    host = f"[{address}]" if ":" in address else address
    with pytest.raises(AddressRefused, match=r"^this address is not public; .*GATEWAY_OUTBOUND_ALLOW"):
        Guard().check_url(f"https://{host}/")


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST.", "deep.under.localhost"])
def test_localhost_is_refused_before_it_is_looked_up(host: str) -> None:
    with pytest.raises(AddressRefused):
        Guard().check_url(f"http://{host}/")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("", "starts with http"),
        ("example.com/hook", "starts with http"),
        ("//example.com/", "starts with http"),
        ("ftp://example.com/", "starts with http"),
        ("file:///etc/passwd", "starts with http"),
        ("gopher://127.0.0.1:6379/_INFO", "starts with http"),
        ("http:example.com", "starts with http"),
        ("http:/example.com", "starts with http"),
        (" http://example.com", "starts with http"),
        ("http://", "not a valid URL"),
        ("http:///path", "not a valid URL"),
        ("http://?x", "not a valid URL"),
        ("http://user:password@example.com/", "no user name or password"),
        ("http://user@example.com/", "no user name or password"),
        ("http://@example.com/", "no user name or password"),
        ("http://127.0.0.1@example.com@127.0.0.1/", "no user name or password"),
        ("http://127.0.0.1\\@example.com/", "no spaces, backslashes"),
        ("http://example.com\\@127.0.0.1/", "no spaces, backslashes"),
        ("http:\\\\example.com/", "starts with http"),
        ("http://exa mple.com/", "no spaces, backslashes"),
        ("http://example.com/a b", "no spaces, backslashes"),
        ("http://example.com/\r\nHost: other", "no spaces, backslashes"),
        ("http://exam\tple.com/", "no spaces, backslashes"),
        ("http://example.com\x00.evil/", "no spaces, backslashes"),
        ("http://example.com/\udcff", "no spaces, backslashes"),
        ("http://example.com:0/", "from 1 to 65535"),
        ("http://example.com:65536/", "from 1 to 65535"),
        ("http://example.com:99999/", "from 1 to 65535"),
        ("http://example.com:123456/", "not a valid URL"),
        ("http://example.com:/", "not a valid URL"),
        ("http://example.com:-1/", "not a valid URL"),
        ("http://example.com:+80/", "not a valid URL"),
        ("http://example.com:8_0/", "not a valid URL"),
        ("http://example.com:８０/", "not a valid URL"),
        ("http://example.com:80:90/", "not a valid URL"),
        ("http://::1/", "not a valid URL"),
        ("http://[::1/", "not a valid URL"),
        ("http://[::1]x/", "not a valid URL"),
        ("http://[v1.host]/", "not a valid URL"),
        ("http://[1.1.1.1]/", "not a valid URL"),
        ("http://[2600::g]/", "not a valid URL"),
        ("http://xn--/", "not a valid URL"),
        ("http://a＠b/", "not a valid URL"),
        ("http://a＃b/", "not a valid URL"),
        ("http://./", "not a valid name"),
        ("http://a..b/", "not a valid name"),
        ("http://.example.com/", "not a valid name"),
        ("http://-a.example.com/", "not a valid name"),
        ("http://a,b.example.com/", "not a valid name"),
        ("http://a%2eexample.com/", "not a valid name"),
        (f"http://{'a' * 64}.example.com/", "not a valid name"),
        (f"http://{'a.' * 127}com/", "not a valid name"),
        ("http://1.1.1/", "written like 192.0.2.1"),
        ("http://256.1.1.1/", "written like 192.0.2.1"),
        ("http://1.1.1.1.1/", "written like 192.0.2.1"),
        ("http://1.1.1.1./", "written like 192.0.2.1"),
        ("http://example.7/", "written like 192.0.2.1"),
        (f"http://example.com/{'a' * 2048}", "at most 2048 characters"),
    ],
)
def test_what_is_not_plainly_a_url_is_refused_in_words(url: str, said: str) -> None:
    with pytest.raises(InvalidRequest, match=said) as refused:
        Guard().check_url(url, field="input.url")
    assert refused.value.field == "input.url"


@pytest.mark.parametrize(
    ("url", "host", "port", "sent"),
    [
        ("http://example.com", "example.com", 80, "http://example.com"),
        ("HTTPS://Example.COM./Hook?a=B#c", "example.com.", 443, "https://example.com./Hook?a=B#c"),
        ("http://a_b.example.com:8080/", "a_b.example.com", 8080, "http://a_b.example.com:8080/"),
        ("https://redis/", "redis", 443, "https://redis/"),
        ("http://1.1.1.1:80/x", "1.1.1.1", 80, "http://1.1.1.1/x"),
        ("http://[2606:4700::1111]:8443", "2606:4700::1111", 8443, "http://[2606:4700::1111]:8443"),
        ("https://bücher.example/ü", "xn--bcher-kva.example", 443, "https://xn--bcher-kva.example/%C3%BC"),
        ("https://s3.example.com/a%2Fb?X-Sig=%2b%2F+=@:,&&y", "s3.example.com", 443, None),
        ('https://s3.example.com/../a/./b//c?{x}|"', "s3.example.com", 443, None),
    ],
)
def test_a_url_is_read_and_left_as_its_signer_wrote_it(url: str, host: str, port: int, sent: str | None) -> None:
    target = Guard().check_url(url)
    assert (target.host, target.port, str(target.url)) == (host, port, sent or url)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://example.com/hook/secret?token=t", "https://example.com/…"),
        ("http://example.com:80", "http://example.com/…"),
        ("https://example.com:8443/#secret", "https://example.com:8443/…"),
        ("http://[2600::1]:81/secret", "http://[2600::1]:81/…"),
    ],
)
def test_what_is_shown_of_a_url_holds_no_path_and_no_query(url: str, shown: str) -> None:
    assert Guard().check_url(url).shown == shown


@pytest.mark.parametrize("address", NOT_PUBLIC)
async def test_a_name_that_leads_to_a_private_address_is_refused(address: str) -> None:
    with pytest.raises(AddressRefused) as refused:
        await Guard(lookup=answers(address)).resolve("hooks.example.com", 443, field="webhook")
    assert refused.value.field == "webhook"
    assert address not in str(refused.value)


async def test_one_private_address_among_public_ones_is_enough() -> None:
    for found in (["1.1.1.1", "10.0.0.1"], ["10.0.0.1", "1.1.1.1"], ["2600::1", "1.1.1.1", "::ffff:1.1.1.1"]):
        with pytest.raises(AddressRefused):
            await Guard(lookup=answers(*found)).resolve("hooks.example.com", 443)


async def test_a_name_with_public_addresses_has_all_of_them() -> None:
    found = await Guard(lookup=answers("1.1.1.1", "2600::1")).resolve("hooks.example.com", 443)
    assert [str(address) for address in found] == ["1.1.1.1", "2600::1"]


async def test_a_name_without_addresses_is_unreachable() -> None:
    async def unknown(_host: str, _port: int) -> Sequence[str]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    for lookup in (unknown, answers()):
        with pytest.raises(UpstreamUnreachable, match=r"^no address was found for hooks\.example\.com$"):
            await Guard(lookup=lookup).resolve("hooks.example.com", 443)


async def test_a_name_server_that_is_silent_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    async def silent(_host: str, _port: int) -> Sequence[str]:
        await asyncio.Event().wait()
        return []

    monkeypatch.setattr(addresses, "LOOKUP_LIMIT_S", 0.01)
    with pytest.raises(UpstreamUnreachable):
        await Guard(lookup=silent).resolve("hooks.example.com", 443)


async def test_names_are_looked_up_on_this_machine_if_nothing_else_is_said() -> None:
    with pytest.raises(AddressRefused):
        await Guard().resolve("localhost", 80)
    found = await Guard(Allowed.parse("localhost")).resolve("localhost", 80)
    assert {str(address) for address in found} <= {"127.0.0.1", "::1"}


def test_the_operator_may_allow_networks_and_addresses() -> None:
    guard = Guard(Allowed.parse("10.1.0.0/16, 127.0.0.1,fd00::/8"))
    for host in ("10.1.2.3", "127.0.0.1", "[fd00::7]"):
        assert guard.check_url(f"http://{host}/").address == ip_address(host.strip("[]"))
    for host in ("10.2.0.1", "127.0.0.2", "[fc00::1]", "[::1]", "[::ffff:10.1.2.3]", "[::ffff:127.0.0.1]"):
        with pytest.raises(AddressRefused):
            guard.check_url(f"http://{host}/")


async def test_an_allowed_network_allows_names_that_lead_there_and_nowhere_else() -> None:
    allowed = Allowed.parse("10.1.0.0/16")
    found = await Guard(allowed, answers("10.1.2.3", "1.1.1.1")).resolve("hooks.example.com", 80)
    assert [str(address) for address in found] == ["10.1.2.3", "1.1.1.1"]
    with pytest.raises(AddressRefused):
        await Guard(allowed, answers("10.1.2.3", "10.2.0.1")).resolve("hooks.example.com", 80)


async def test_an_allowed_name_may_lead_anywhere_and_no_other_name_may() -> None:
    guard = Guard(Allowed.parse("Hooks.Internal."), answers("10.0.0.5"))
    for name in ("hooks.internal", "hooks.internal."):
        assert [str(address) for address in await guard.resolve(name, 80)] == ["10.0.0.5"]
    for name in ("internal", "my.hooks.internal", "hooks.internal.example.com"):
        with pytest.raises(AddressRefused):
            await guard.resolve(name, 80)
    with pytest.raises(AddressRefused):
        guard.check_url("http://10.0.0.5/")


@pytest.mark.parametrize("allowed", ["localhost", "127.0.0.0/8", "::1", "127.0.0.1"])
def test_localhost_is_left_to_the_lookup_where_the_operator_allows_it_or_loopback(allowed: str) -> None:
    assert Guard(Allowed.parse(allowed)).check_url("http://localhost:9/").host == "localhost"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("10.0.0.1/8", "'10.0.0.1/8' is not a network like .*host bits set"),
        ("10.0.0.0/33", "'10.0.0.0/33' is not a network"),
        ("a.example, 10.0.0", "'10.0.0' is not a network"),
        ("127.1", "'127.1' is not a network"),
        ("fd00::/200", "'fd00::/200' is not a network"),
        ("http://hooks.internal", "'http://hooks.internal' is not a network"),
        ("hooks.internal:8080", "'hooks.internal:8080' is not a network"),
        ("*.internal", "'\\*.internal' is neither a network"),
        ("hooks internal", "'hooks internal' is neither a network"),
    ],
)
def test_what_cannot_be_allowed_is_said(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Allowed.parse(text)


def test_nothing_is_allowed_by_nothing() -> None:
    assert Allowed.parse("") == Allowed.parse(" , ") == Allowed()


@pytest.mark.parametrize(
    ("location", "onward"),
    [
        ("/c?sig=%2F", "https://a.example/c?sig=%2F"),
        ("c", "https://a.example/x/c"),
        ("?q=1", "https://a.example/x/y?q=1"),
        ("//b.example/z", "https://b.example/z"),
        ("http://b.example:81/z#f", "http://b.example:81/z#f"),
        ("/a b/ü", "https://a.example/a%20b/%C3%BC"),
    ],
)
def test_a_redirect_is_read_from_where_it_came(location: str, onward: str) -> None:
    guard = Guard()
    target = guard.check_url("https://a.example/x/y?sig=1")
    assert str(guard.check_redirect(target, location).url) == onward


@pytest.mark.parametrize(
    ("location", "refusal"),
    [
        ("http://127.0.0.1/", AddressRefused),
        ("//169.254.169.254/latest/meta-data", AddressRefused),
        ("http://[::ffff:10.0.0.1]/", AddressRefused),
        ("http://localhost:6379/", AddressRefused),
        ("http://0x7f.1/", InvalidRequest),
        ("http://user:password@b.example/", InvalidRequest),
        ("file:///etc/passwd", InvalidRequest),
        ("ftp://b.example/", InvalidRequest),
        ("javascript:alert(1)", InvalidRequest),
        ("http:///", InvalidRequest),
        ("http://[", InvalidRequest),
        ("http://b.example:99999/", InvalidRequest),
    ],
)
def test_a_redirect_is_judged_like_any_url(location: str, refusal: type[RequestError]) -> None:
    guard = Guard()
    target = guard.check_url("https://a.example/x/y")
    with pytest.raises(refusal, match=r"^it redirects to ") as refused:
        guard.check_redirect(target, location, field="input.url")
    assert refused.value.field == "input.url"


async def test_a_host_and_port_that_the_operator_has_named_are_called_though_not_public() -> None:
    async def lookup(_host: str, _port: int) -> list[str]:
        return ["10.0.0.7"]

    guard = Guard(lookup=lookup, named=lambda host, port: (host, port) in {("10.0.0.7", 7860), ("webui.internal", 80)})
    assert guard.check_url("http://10.0.0.7:7860/file").port == 7860
    assert await guard.resolve("webui.internal", 80) == [ip_address("10.0.0.7")]
    with pytest.raises(AddressRefused):
        guard.check_url("http://10.0.0.7:6379/")
    with pytest.raises(AddressRefused):
        await guard.resolve("webui.internal", 6379)
