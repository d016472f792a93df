"""`uvicorn starlette_app:app`: the lifespan listens, each request dials. FastAPI is Starlette."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from hello import ADDRESS, HANDLERS, dial_and_greet
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

import webrtc_direct


@asynccontextmanager
async def lifespan(_: Starlette) -> AsyncIterator[dict[str, str]]:
    async with webrtc_direct.listen(ADDRESS, handlers=HANDLERS) as listener:
        yield {"address": listener.addresses[0]}


async def hello(request: Request) -> PlainTextResponse:
    return PlainTextResponse(repr(await dial_and_greet(request.state.address)))


app = Starlette(routes=[Route("/", hello)], lifespan=lifespan)
