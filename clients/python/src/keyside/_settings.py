"""What a client is made with."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from ._metadata import DefaultMetadata, MetadataDefaults
from ._target import Target, TlsFiles, address_of, parse_target
from ._token_file import TokenFile
from ._trace_context import trace_headers
from ._values import checked_attempts, checked_seconds
from ._version import __version__

Headers: TypeAlias = tuple[tuple[str, str], ...]

DEFAULT_TIMEOUT = 10.0
DEFAULT_CONNECT_TIMEOUT = 5.0
DEFAULT_MAX_ATTEMPTS = 4

# In milliseconds. Between attempts to connect: doubled, more or less, after each that failed.
_FIRST_PAUSE_MS = 100
_LONGEST_PAUSE_MS = 1_000
# Of one attempt, where nothing else limits it.
_ATTEMPT_MS = 5_000

_USER_AGENT = f"keyside-client-python/{__version__}"


@dataclass(frozen=True, slots=True, repr=False)
class Settings:
    """The same for threads and for asyncio."""

    target: Target
    defaults: MetadataDefaults
    token_file: TokenFile | None
    timeout: float
    connect_timeout: float
    max_attempts: int

    def authorization(self) -> str | None:
        """The token's header, as the file is now. Raises `CallerUnauthenticatedError` where it holds none."""
        return None if self.token_file is None else self.token_file.authorization()

    def channel_options(self) -> list[tuple[str, str | int]]:
        """Of gRPC's channel."""
        attempt_ms = round(self.connect_timeout * 1_000) or _ATTEMPT_MS
        return [
            ("grpc.primary_user_agent", _USER_AGENT),
            # No proxy of the environment, and nothing that DNS says about how to call.
            ("grpc.enable_http_proxy", 0),
            ("grpc.service_config_disable_resolution", 1),
            # How much an answer holds is limited by the daemon.
            ("grpc.max_receive_message_length", -1),
            ("grpc.max_send_message_length", -1),
            ("grpc.initial_reconnect_backoff_ms", _FIRST_PAUSE_MS),
            ("grpc.max_reconnect_backoff_ms", _LONGEST_PAUSE_MS),
            # Despite its name: how long one attempt to connect may take at least.
            ("grpc.min_reconnect_backoff_ms", min(attempt_ms, _ATTEMPT_MS)),
            # A client is closed without closing another's connection.
            ("grpc.use_local_subchannel_pool", 1),
        ]


def headers_of(authorization: str | None) -> Headers:
    """Those of one attempt."""
    headers = trace_headers()
    if authorization is not None:
        headers.append(("authorization", authorization))
    return tuple(headers)


def settings_of(
    *,
    address: str | None,
    token_file: str | os.PathLike[str] | None,
    tls: TlsFiles | None,
    timeout: float,
    connect_timeout: float,
    max_attempts: int,
    defaults: DefaultMetadata | None,
    environment: Mapping[str, str] | None,
) -> Settings:
    """Checks what a client is given. Raises `TypeError`, `ValueError`, and `OSError` for files of TLS."""
    environment = os.environ if environment is None else environment
    token_path = token_file if token_file is not None else environment.get("KEYSIDE_TOKEN_FILE")
    return Settings(
        target=parse_target(address_of(address, environment), tls),
        defaults=MetadataDefaults(defaults or DefaultMetadata()),
        token_file=TokenFile(token_path) if token_path else None,
        timeout=checked_seconds(timeout, "timeout"),
        connect_timeout=checked_seconds(connect_timeout, "connect_timeout", least=-1e-9),
        max_attempts=checked_attempts(max_attempts, "max_attempts"),
    )
