"""A chat room that sends each line to all members. Their connections belong to no block and no task."""

import anyio

from webrtc_direct import Node, Stream, WebRtcDirectError

CHAT = "/example/chat/1.0.0"
members: set[Stream] = set()


async def room(stream: Stream) -> None:
    """Send each line of a member to all members. A member that does not read for a second has to leave."""
    members.add(stream)
    await stream.write(b"welcome\n")
    try:
        while line := await stream.read_until(b"\n", max_bytes=1024):
            for member in list(members):
                try:
                    with anyio.fail_after(1):
                        await member.write(line)
                except (TimeoutError, WebRtcDirectError):
                    member.reset("too slow")
    finally:
        members.discard(stream)


async def main() -> None:
    """Let two members talk. The room and both members run in this one program."""
    async with Node(handlers={CHAT: room}) as server, Node() as anna, Node() as otto:
        listener = await server.listen("/ip4/127.0.0.1/udp/0/webrtc-direct")
        joined = [await (await each.dial(listener.addresses[0])).open_stream(CHAT) for each in (anna, otto)]
        print([await each.read_until(b"\n") for each in joined])
        for stream, line in zip(joined, (b"hello, otto\n", b"hello, anna\n"), strict=True):
            await stream.write(line)
            print([await each.read_until(b"\n") for each in joined])


if __name__ == "__main__":
    anyio.run(main)
