"""A notebook: each line of CELLS is a cell, run by a real kernel; then interrupt and restart it."""

import sys
from typing import Any

from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager

CELLS = """
import sys; sys.path.insert(0, {folder!r}); import webrtc_direct; from hello import *
await main()
from contextlib import AsyncExitStack; ends = AsyncExitStack()
listener = await ends.enter_async_context(webrtc_direct.listen(ADDRESS, handlers=HANDLERS))
connection = await ends.enter_async_context(webrtc_direct.dial(listener.addresses[0]))
print(await greet(connection))
manager = webrtc_direct.dial(listener.addresses[0]); other = await manager.__aenter__()
print(await greet(other)); await other.aclose()
"""
FOREVER = "stream = await connection.open_stream('/echo/1.0.0'); print('waits'); await stream.read()"
AFTERWARDS = "print(await greet(connection)); await ends.aclose()"


def run(client: BlockingKernelClient, cell: str, on_output: Any = None) -> str:
    """Return what *cell* prints, and an error's name."""
    printed: list[str] = []

    def heard(message: dict[str, Any]) -> None:
        content = message["content"]
        if message["msg_type"] == "stream":
            printed.append(content["text"])
            if on_output:
                on_output()
        elif message["msg_type"] == "error":
            printed.append(content["ename"] + "\n")

    client.execute_interactive(cell, output_hook=heard, timeout=60)
    return "".join(printed)


def main() -> None:
    manager = KernelManager(transport="ipc")
    manager.start_kernel()
    client = manager.blocking_client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=60)
        cells = CELLS.format(folder=sys.path[0]).strip().splitlines()
        print(*(run(client, cell) for cell in cells), sep="", end="")
        print(run(client, FOREVER, on_output=manager.interrupt_kernel), end="")
        print(run(client, AFTERWARDS), end="")
        # With a listener and a connection open, as in a notebook that is simply run again.
        print(*(run(client, cell) for cell in cells[2:6]), sep="", end="")
        manager.restart_kernel()
        client.wait_for_ready(timeout=60)
        print(*(run(client, cell) for cell in cells[:2]), sep="", end="")
    finally:
        client.stop_channels()
        manager.shutdown_kernel()


if __name__ == "__main__":
    main()
