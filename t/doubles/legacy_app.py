"""The application that was there before: knows its users by a cookie, and counts how often it is asked."""

import asyncio
from collections import Counter

from aiohttp import web

from .background import BackgroundServer


class LegacyApp:
    """/auth answers by the cookie `sid`: `answers` has its (status, headers), `pauses` its seconds."""

    def __init__(self):
        self.calls = Counter()
        self.under_way = 0
        self.requests = []
        self.answers = {}
        self.pauses = {}
        application = web.Application()
        application.router.add_route("*", "/auth", self._auth)
        self._server = BackgroundServer(application)
        self.port = self._server.port

    def close(self):
        self._server.close()

    def knows(self, sid, user, companies, **more):
        self.answers[sid] = (200, {"X-Media-User": user, "X-Media-Companies": companies} | more)

    async def _auth(self, request):
        sid = request.cookies.get("sid", "")
        self.calls[sid] += 1
        self.requests.append((request.method, dict(request.headers), await request.read()))
        self.under_way += 1
        try:
            await asyncio.sleep(self.pauses.get(sid, 0))
        finally:
            self.under_way -= 1
        status, headers = self.answers.get(sid, (401, {}))
        return web.Response(status=status, headers=headers, body=None if status == 204 else b"hello")
