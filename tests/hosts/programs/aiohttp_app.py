"""An aiohttp server whose cleanup context listens and holds a connection; each request uses both."""

import socket
from collections.abc import AsyncIterator

from aiohttp import web
from hello import ADDRESS, HANDLERS, dial_and_greet, greet

import webrtc_direct

CONNECTION = web.AppKey("connection", webrtc_direct.Connection)
PEER = web.AppKey("peer", str)


async def peer(app: web.Application) -> AsyncIterator[None]:
    async with webrtc_direct.listen(ADDRESS, handlers=HANDLERS) as listener:
        app[PEER] = listener.addresses[0]
        async with webrtc_direct.dial(app[PEER]) as app[CONNECTION]:
            yield


async def hello(request: web.Request) -> web.Response:
    if await greet(request.app[CONNECTION]) != b"hello":
        raise web.HTTPBadGateway
    return web.Response(text=repr(await dial_and_greet(request.app[PEER])))


def main() -> None:
    app = web.Application()
    app.cleanup_ctx.append(peer)
    app.router.add_get("/", hello)
    web.run_app(app, sock=socket.create_server(("127.0.0.1", 0)))


if __name__ == "__main__":
    main()
