"""The Rust engine: one thread for all connections and listeners of the process."""

from typing import Any, Final, TypedDict, final, type_check_only

__all__ = [
    "ACCEPTED",
    "ANSWERED",
    "BUILD_PROFILE",
    "CHANNEL_CLOSED",
    "CLOSED",
    "CONNECTED",
    "DATA",
    "DISCARDED",
    "FAILED",
    "LISTENER_CLOSED",
    "OPENED",
    "REFUSED",
    "WRITABLE",
    "Connection",
    "EventQueue",
    "Listener",
    "abort_all",
    "dial",
    "listen",
]

ACCEPTED: Final[int]
CONNECTED: Final[int]
OPENED: Final[int]
DATA: Final[int]
WRITABLE: Final[int]
CHANNEL_CLOSED: Final[int]
CLOSED: Final[int]
LISTENER_CLOSED: Final[int]
ANSWERED: Final[int]
REFUSED: Final[int]
FAILED: Final[int]
DISCARDED: Final[int]
BUILD_PROFILE: Final[str]

@type_check_only
class Bounds(TypedDict):
    handshake_timeout: float
    silence_timeout: float
    consent_interval: float
    close_timeout: float
    max_connections: int
    max_connections_per_address: int
    max_connections_per_prefix: int
    connections_per_second: float
    connections_per_second_per_address: float
    max_handshakes: int
    max_channels: int
    max_channel_label: int
    max_certificate: int
    unread_bytes: int
    unsent_bytes_per_channel: int
    receive_window: int
    receive_window_process: int

@final
class EventQueue:
    def __new__(cls) -> EventQueue: ...
    def fileno(self) -> int: ...
    def take(self, most: int) -> list[tuple[int, int, int, Any]]: ...

@final
class Connection:
    @property
    def id(self) -> int: ...
    def open_channel(self) -> int: ...
    def send(self, key: int, messages: list[bytes]) -> None: ...
    def consumed(self, count: int) -> None: ...
    def is_stalled(self) -> bool: ...
    def pause(self) -> None: ...
    def resume(self) -> None: ...
    def close_channel(self, key: int) -> None: ...
    def reset_channel(self, key: int) -> None: ...
    def close(self) -> None: ...
    def abort(self) -> None: ...
    def authenticated(self) -> None: ...
    def stats(self) -> dict[str, Any]: ...

@final
class Listener:
    @property
    def port(self) -> int: ...
    def counters(self) -> dict[str, Any]: ...
    def close(self) -> None: ...

def dial(
    queue: EventQueue,
    *,
    ip: str,
    scope_id: int,
    port: int,
    username: str,
    fingerprint: bytes,
    certificate: bytes,
    private_key: bytes,
    bounds: Bounds,
) -> Connection: ...
def listen(
    queue: EventQueue,
    *,
    ip: str,
    scope_id: int,
    port: int,
    certificate: bytes,
    private_key: bytes,
    bounds: Bounds,
) -> Listener: ...
def abort_all(seconds: float) -> None: ...
