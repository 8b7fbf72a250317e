"""Certificates for tests, made from integers: Python has no maker of its own, and `openssl` is not everywhere.

ECDSA with SHA-256 on P-256. Not for secrets: nothing here takes care to run in constant time.
Sources: RFC 5280 (certificate), RFC 5208, 5915 (private key), SEC 1 (curve and signature).
"""

import hashlib
import secrets
import ssl
from collections.abc import Sequence
from ipaddress import ip_address
from pathlib import Path

_P = 2**256 - 2**224 + 2**192 + 2**96 - 1
_N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_G = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)
_EC_KEY, _P256, _ECDSA_SHA256 = "2a8648ce3d0201", "2a8648ce3d030107", "2a8648ce3d040302"
_NAME, _KEY_ID, _KEY_USAGE, _ALT_NAME, _CONSTRAINTS = "550403", "551d0e", "551d0f", "551d11", "551d13"

Point = tuple[int, int]


def self_signed(folder: Path, names: Sequence[str]) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's context with a fresh certificate for `names` (hosts or addresses), and a client's that trusts it."""
    key, certificate = files(folder, names)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate, key)
    return server, ssl.create_default_context(cafile=str(certificate))


def files(folder: Path, names: Sequence[str]) -> tuple[Path, Path]:
    """The same as two files (PEM): a private key, and a certificate that vouches for itself."""
    key, name = secrets.randbelow(_N - 1) + 1, secrets.token_hex(4)
    made = folder / f"{name}.key", folder / f"{name}.pem"
    made[0].write_text(ssl.DER_cert_to_PEM_cert(_private(key)).replace("CERTIFICATE", "PRIVATE KEY"))
    made[1].write_text(ssl.DER_cert_to_PEM_cert(_certificate(key, names)))
    return made


def _certificate(key: int, names: Sequence[str]) -> bytes:
    public = _public(key)
    algorithm = _list(_oid(_ECDSA_SHA256))
    name = _list(_tagged(0x31, _list(_oid(_NAME), _tagged(0x0C, b"test"))))
    told = _list(
        _tagged(0xA0, _integer(2)),  # version 3
        _integer(secrets.randbits(63) + 1),
        algorithm,
        name,
        _list(_tagged(0x17, b"200101000000Z"), _tagged(0x17, b"491231235959Z")),
        name,
        _list(_list(_oid(_EC_KEY), _oid(_P256)), _bits(public)),
        _tagged(0xA3, _list(*_extensions(public, names))),
    )
    return _list(told, algorithm, _bits(_signature(key, told)))


def _extensions(public: bytes, names: Sequence[str]) -> list[bytes]:
    yes = _tagged(0x01, b"\xff")
    key_id = _tagged(0x04, hashlib.sha256(public).digest()[:20])
    return [
        _list(_oid(_CONSTRAINTS), yes, _tagged(0x04, _list(yes))),  # an authority, since it signs itself
        _list(_oid(_KEY_USAGE), yes, _tagged(0x04, _tagged(0x03, b"\x02\x84"))),  # signs messages and certificates
        _list(_oid(_KEY_ID), _tagged(0x04, key_id)),
        _list(_oid(_ALT_NAME), _tagged(0x04, _list(*map(_alternative, names)))),
    ]


def _alternative(name: str) -> bytes:
    try:
        return _tagged(0x87, ip_address(name).packed)
    except ValueError:
        return _tagged(0x82, name.encode())


def _public(key: int) -> bytes:
    return b"\x04" + b"".join(axis.to_bytes(32, "big") for axis in _times(key, _G))


def _private(key: int) -> bytes:
    """PKCS #8, and with the public key: not everybody reads the older form, or works that out."""
    inner = _list(_integer(1), _tagged(0x04, key.to_bytes(32, "big")), _tagged(0xA1, _bits(_public(key))))
    return _list(_integer(0), _list(_oid(_EC_KEY), _oid(_P256)), _tagged(0x04, inner))


def _signature(key: int, message: bytes) -> bytes:
    digest = int.from_bytes(hashlib.sha256(message).digest(), "big")
    once = secrets.randbelow(_N - 1) + 1
    r = _times(once, _G)[0] % _N
    return _list(_integer(r), _integer(pow(once, -1, _N) * (digest + r * key) % _N))


def _times(factor: int, point: Point) -> Point:
    total: Point | None = None
    while factor:
        if factor & 1:
            total = _plus(total, point) if total else point
        point, factor = _plus(point, point), factor >> 1
    assert total
    return total


def _plus(a: Point, b: Point) -> Point:
    """The sum of two points that are not each other's opposite."""
    rise, run = (3 * a[0] ** 2 - 3, 2 * a[1]) if a == b else (b[1] - a[1], b[0] - a[0])
    slope = rise * pow(run, -1, _P) % _P
    x = (slope**2 - a[0] - b[0]) % _P
    return x, (slope * (a[0] - x) - a[1]) % _P


def _tagged(tag: int, content: bytes) -> bytes:
    """DER: the tag, the length, the content."""
    size = len(content)
    length = size.to_bytes((size.bit_length() + 7) // 8, "big") if size > 127 else b""
    return bytes([tag, 0x80 | len(length)]) + length + content if length else bytes([tag, size]) + content


def _list(*items: bytes) -> bytes:
    return _tagged(0x30, b"".join(items))


def _oid(encoded: str) -> bytes:
    return _tagged(0x06, bytes.fromhex(encoded))


def _integer(value: int) -> bytes:
    return _tagged(0x02, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def _bits(content: bytes) -> bytes:
    return _tagged(0x03, b"\x00" + content)
