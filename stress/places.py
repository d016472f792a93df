"""Where the programs of a flood run: on which CPU, and in which network.

``python -m stress.places CPU COMMAND...`` becomes a command that stays on one CPU.
"""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Self

from stress.floods import IP6_PREFIX

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType

_CPUS = sorted(os.sched_getaffinity(0))
# The attacker takes all of a core: the listener gets another one, if there is one.
LISTENER_CPU, ATTACKER_CPU = _CPUS[0], _CPUS[-1]
ARE_APART = LISTENER_CPU != ATTACKER_CPU
WHERE = (
    f"The attacker stays on CPU {ATTACKER_CPU} and the listener on CPU {LISTENER_CPU}, so that the one does "
    "not take the other's time; the clients have what is left of both."
    if ARE_APART
    else "There is one CPU for all of them."
)

# go's client knows no way from ::1.
IP6 = "fd0e:100d::1"
_PREPARE = (
    f"ip link set lo up && ip -6 address add {IP6}/128 dev lo && ip -6 route add local {IP6_PREFIX} dev lo"
    " && echo ready && exec cat"
)


def pinned(cpu: int) -> tuple[str, ...]:
    """Return what a command has to begin with so that it stays on *cpu*, if there is more than one."""
    return (sys.executable, "-m", "stress.places", str(cpu)) if ARE_APART else ()


class Namespace:
    """A network of its own, where loopback is all there is, and all sources of IPv6 are local.

    Its own address is ``IP6``. What a command has to begin with so that it runs there is in ``prefix``.
    """

    def __enter__(self) -> Self:
        command = ("unshare", "--user", "--map-root-user", "--net", "sh", "-c", _PREPARE)
        self._holder = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert self._holder.stdout is not None
        if self._holder.stdout.readline() != "ready\n":
            self._end()
            raise OSError("this system gives no namespaces (unshare, ip)")
        target = ("--target", str(self._holder.pid))
        self.prefix = ("nsenter", *target, "--user", "--net", "--preserve-credentials")
        return self

    def own(self, ips: Iterable[str]) -> None:
        """Let who sends to one of *ips*, which are of 127.0.0.0/8, send from the same address."""
        lines = "".join(f"route add local {ip}/32 dev lo table local src {ip}\n" for ip in ips)
        subprocess.run((*self.prefix, "ip", "-batch", "-"), input=lines, text=True, check=True)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def _end(self) -> None:
        # It ends with its input.
        self._holder.communicate()


def main() -> None:
    """Become the command."""
    cpu, *command = sys.argv[1:]
    os.sched_setaffinity(0, {int(cpu)})
    os.execvp(command[0], command)


if __name__ == "__main__":
    main()
