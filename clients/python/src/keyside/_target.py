"""Where the daemon is and how it is spoken to."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import grpc

DEFAULT_ADDRESS = "127.0.0.1:7460"

_UNIX = re.compile(r"unix:(?://(?=/)|(?!//))([^@\0][^\0]*)", re.DOTALL)
_HOST_AND_PORT = re.compile(r"(\[[0-9a-fA-F:.]+\]|[^\s/:@?#\[\]\\]+):([0-9]{1,5})")
_LARGEST_PORT = 65_535


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Files of mutual TLS, PEM. Read once, when the client is made: where a certificate is renewed, make another client."""

    ca_file: str | os.PathLike[str]
    """The authorities that the daemon's certificate must be of."""
    cert_file: str | os.PathLike[str]
    key_file: str | os.PathLike[str]


@dataclass(frozen=True, slots=True)
class Target:
    """An address that was checked, as gRPC takes it."""

    address: str
    """As the caller wrote it."""
    uri: str
    credentials: grpc.ChannelCredentials | None
    """None: in clear, to this machine."""


def address_of(option: str | None, environment: Mapping[str, str]) -> str:
    """The option wins over the environment."""
    return option if option is not None else (environment.get("KEYSIDE_ADDRESS") or DEFAULT_ADDRESS)


def parse_target(address: str, tls: TlsFiles | None) -> Target:
    """Reads ``unix:///path`` or ``host:port`` (``[::1]:7460`` for IPv6).

    Precondition: without TLS the host is this machine. What is sent is plaintext, so nothing else is ever spoken to in clear, and no
    resolver is asked what ``localhost`` is. Abstract sockets (``unix:@name``) are refused: they have no permissions.
    Raises `ValueError` for another form, or another machine without TLS, and `OSError` where a file of TLS cannot be read.
    """
    unix = _UNIX.fullmatch(address)
    if unix is not None:
        if tls is not None:
            raise ValueError("a Unix socket takes no TLS files")
        return Target(address, f"unix:{quote(unix[1])}", None)
    parts = _HOST_AND_PORT.fullmatch(address)
    if parts is None or not 1 <= int(parts[2]) <= _LARGEST_PORT:
        raise ValueError("the address must be unix:///path or host:port, such as 127.0.0.1:7460")
    host, port = parts[1], parts[2]
    ip = _ip(host)
    if tls is not None:
        return Target(address, f"{_scheme(ip)}{address}", _mutual_tls(tls))
    if host.lower() == "localhost":
        return Target(address, f"ipv4:127.0.0.1:{port}", None)
    if ip is not None and ip.version == 6 and ip.ipv4_mapped is not None:
        raise ValueError(f"{host} is an address of IPv4: write it as {ip.ipv4_mapped}")
    if ip is None or not ip.is_loopback:
        raise ValueError(f"{host} is not this machine: TLS files are needed to speak to it")
    return Target(address, f"{_scheme(ip)}{address}", None)


def _mutual_tls(tls: TlsFiles) -> grpc.ChannelCredentials:
    ca, cert, key = (Path(file).read_bytes() for file in (tls.ca_file, tls.cert_file, tls.key_file))
    return grpc.ssl_channel_credentials(root_certificates=ca, private_key=key, certificate_chain=cert)


def _scheme(ip: ipaddress.IPv4Address | ipaddress.IPv6Address | None) -> str:
    """Said outright, so that gRPC does not guess."""
    if ip is None:
        return "dns:///"
    return "ipv4:" if ip.version == 4 else "ipv6:"


def _ip(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """None for a name."""
    if host.startswith("["):
        try:
            return ipaddress.IPv6Address(host[1:-1])
        except ValueError:
            raise ValueError(f"{host} is no IPv6 address, and brackets are for those alone") from None
    try:
        return ipaddress.IPv4Address(host)
    except ValueError:
        return None
