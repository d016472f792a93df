"""A network that goes and comes back with another address, in network namespaces."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.integration.test_own_network import NAMESPACE, has_namespaces
from tests.support import SECONDS

PROGRAM = Path(__file__).parent / "programs" / "moving_network.py"


def has_pairs() -> bool:
    """Whether this system can join two networks."""
    probe = "PATH=$PATH:/usr/sbin:/sbin ip link add near type veth peer name far"
    return (
        has_namespaces()
        and shutil.which("sh") is not None
        and subprocess.run([*NAMESPACE, "sh", "-c", probe], capture_output=True, check=False).returncode == 0
    )


@pytest.mark.skipif(not has_pairs(), reason="this system gives no namespaces with pairs of interfaces")
@pytest.mark.parametrize(("backend", "where"), [("asyncio", "10.0.0.1"), ("trio", "0.0.0.0")])
def test_a_connection_outlives_a_network_that_comes_back_with_another_address(
    backend: str, where: str
) -> None:
    ended = subprocess.run(
        [*NAMESPACE, sys.executable, str(PROGRAM), "dial", where, backend],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=2 * SECONDS,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    # What does not come back is a lost connection at either end.
    assert json.loads(ended.stdout) == [10_000_000, ["timeout", "timeout"]]
