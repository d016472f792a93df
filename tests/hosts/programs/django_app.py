"""`uvicorn django_app:app`: an async view of Django listens and dials."""

from django.conf import settings
from django.core.asgi import get_asgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import path
from hello import ADDRESS, HANDLERS, dial_and_greet

import webrtc_direct


async def hello(_: HttpRequest) -> HttpResponse:
    async with webrtc_direct.listen(ADDRESS, handlers=HANDLERS) as listener:
        return HttpResponse(repr(await dial_and_greet(listener.addresses[0])))


urlpatterns = [path("", hello)]
settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["127.0.0.1"], SECRET_KEY="of a test")
app = get_asgi_application()
