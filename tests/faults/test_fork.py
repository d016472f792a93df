"""A forked child can do nothing with its parent's connections and harms none; it can dial anew."""

from __future__ import annotations

import pytest
from tests.faults.support import STRESS, run_program

FORKS = 200 if STRESS else 20

PROGRAM = """
import gc, os, sys, time, threading, signal
import anyio
import webrtc_direct
from webrtc_direct import echo_handler, ping

ADDRESS = "/ip4/127.0.0.1/udp/0/webrtc-direct"

def in_child(work):
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        signal.alarm(20)
        status = work() or 0
    except BaseException as error:
        sys.stderr.write(f"child: {error!r}\\n")
    finally:
        os._exit(status)

async def joined(child):
    _, status = await anyio.to_thread.run_sync(os.waitpid, child, 0)
    return os.waitstatus_to_exitcode(status)

async def dials(address):
    async with webrtc_direct.dial(address) as connection:
        await ping(connection)

def anew():
    async def main():
        async with webrtc_direct.listen(ADDRESS) as listener:
            await dials(listener.addresses[0])
    thread = threading.Thread(target=anyio.run, args=(main,))
    thread.start()
    thread.join(15)
    return 2 if thread.is_alive() else 0

async def main():
    async with webrtc_direct.listen(ADDRESS, handlers={"/echo": echo_handler}) as listener:
        async with webrtc_direct.dial(listener.addresses[0]) as connection:
            holder = [connection, await connection.open_stream("/echo")]
            busy = True

            async def transfer():
                async with connection.open_stream("/echo") as stream:
                    async def write():
                        while busy:
                            await stream.write(bytes(50_000))
                        await stream.close_write()
                    async with anyio.create_task_group() as inner:
                        inner.start_soon(write)
                        async for _ in stream:
                            pass

            def parents_address():
                # The parent's listener answers the child as any other process.
                thread = threading.Thread(target=anyio.run, args=(dials, listener.addresses[0]))
                thread.start()
                thread.join(15)
                return 2 if thread.is_alive() else 0

            def uses_what_it_has():
                repr(connection), repr(holder[1]), repr(listener), listener.connections
                for use in (connection.stats, connection.abort, holder[1].reset):
                    try:
                        use()
                    except RuntimeError as error:
                        # asyncio's own word, where an end is to be waited for.
                        assert "no running event loop" in str(error), error
                return 0

            def drops_what_it_has():
                # Whatever the engine's thread held at the fork is held for ever in the child.
                holder.clear()
                for thing in gc.get_objects():
                    if type(thing).__name__ in ("NativePeerConnection", "NativeListener"):
                        thing._handle = None
                gc.collect()
                return 0

            def runs_a_program():
                return os.spawnv(os.P_WAIT, sys.executable, [sys.executable, "-c", "pass"])

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(transfer)
                await anyio.sleep(0.05)
                for round in range(int(sys.argv[2])):
                    for work in (uses_what_it_has, drops_what_it_has):
                        await anyio.sleep(0.002)
                        code = await joined(in_child(work))
                        assert code == 0, (work.__name__, code)
                for work in (anew, parents_address, runs_a_program):
                    code = await joined(in_child(work))
                    assert code == 0, (work.__name__, code)
                assert await ping(connection) > 0
                busy = False
            await holder[1].write(b"unharmed")
            assert await holder[1].read_exactly(8) == b"unharmed"
    print("done")

anyio.run(main, backend=sys.argv[1])
"""


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_forked_children_harm_nothing_and_dial_anew(backend: str) -> None:
    ended = run_program(PROGRAM, backend, str(FORKS), seconds=120)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "done\n", "")
