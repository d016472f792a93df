"""The two ends of a handshake, and its two versions, in the terms of the libp2p spec."""

from __future__ import annotations

from enum import Enum
from typing import Literal

Version = Literal["v1", "v2"]
"""A version of the WebRTC-Direct handshake."""


class Role(Enum):
    """Which end of the connection this is, in the terms of the libp2p spec."""

    CLIENT = "client"
    SERVER = "server"
