"""One program, one process: this package, py-libp2p, grpc and OpenTelemetry, each at its work.

Run by ``check.py`` with the Python of an environment that has them all.
"""

from __future__ import annotations

import asyncio
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version

import grpc
import trio
from libp2p import new_host
from libp2p.peer.peerinfo import info_from_p2p_addr
from multiaddr import Multiaddr
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import webrtc_direct

ECHO = "/echo/1.0.0"
METHOD = "/test.Echo/Echo"
SECONDS = 30
NAMES = (
    "webrtc-direct",
    "libp2p",
    "grpcio",
    "opentelemetry-sdk",
    "protobuf",
    "anyio",
    "trio",
    "cryptography",
)


async def echo_over_webrtc() -> bytes:
    handlers = {ECHO: webrtc_direct.echo_handler}
    async with webrtc_direct.listen("/ip4/127.0.0.1/udp/0/webrtc-direct", handlers=handlers) as listener:
        async with webrtc_direct.dial(listener.addresses[0]) as connection:
            assert ECHO in (await webrtc_direct.identify(connection)).protocols
            async with connection.open_stream(ECHO) as stream:
                await stream.write(b"hello")
                return await stream.read_exactly(5)


async def echo_over_libp2p() -> bytes:
    async def echo(stream) -> None:
        await stream.write(await stream.read(5))
        await stream.close()

    server, client = new_host(), new_host()
    server.set_stream_handler(ECHO, echo)
    anywhere = [Multiaddr("/ip4/127.0.0.1/tcp/0")]
    async with server.run(listen_addrs=anywhere), client.run(listen_addrs=anywhere):
        await client.connect(info_from_p2p_addr(server.get_addrs()[0]))
        stream = await client.new_stream(server.get_id(), [ECHO])
        await stream.write(b"hello")
        return await stream.read(5)


async def both_on_trio() -> None:
    with trio.fail_after(SECONDS):
        assert await echo_over_webrtc() == b"hello"
        assert await echo_over_libp2p() == b"hello"


def echo_over_grpc() -> bytes:
    handler = grpc.unary_unary_rpc_method_handler(lambda request, _: request)
    server = grpc.server(ThreadPoolExecutor(1))
    service, method = METHOD.strip("/").split("/")
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(service, {method: handler})])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            return channel.unary_unary(METHOD)(b"hello", timeout=SECONDS)
    finally:
        server.stop(None).wait()


def main() -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("beside")
    with tracer.start_as_current_span("trio"):
        trio.run(both_on_trio)
    with tracer.start_as_current_span("asyncio"):
        assert asyncio.run(echo_over_webrtc()) == b"hello"
    with tracer.start_as_current_span("grpc"):
        assert echo_over_grpc() == b"hello"
    assert [span.name for span in exporter.get_finished_spans()] == ["trio", "asyncio", "grpc"]
    assert webrtc_direct.__file__.startswith(sys.prefix), webrtc_direct.__file__
    print(", ".join(f"{name} {version(name)}" for name in NAMES))


if __name__ == "__main__":
    main()
