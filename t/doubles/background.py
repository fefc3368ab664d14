"""Runs an aiohttp application on a thread of its own."""

import asyncio
import random
import socket
import threading
from contextlib import contextmanager

from aiohttp import web


class BackgroundServer:
    """Listens from construction on 127.0.0.1; `port` is free unless it is given."""

    def __init__(self, application, ssl_context=None, port=0):
        self._socket = socket.create_server(("127.0.0.1", port), backlog=1024)
        self.port = self._socket.getsockname()[1]
        self._loop = asyncio.new_event_loop()
        self.is_out = False
        application.middlewares.append(self._fail_in_outage())
        self._runner = web.AppRunner(application, access_log=None)
        self._thread = threading.Thread(target=self._serve, args=(ssl_context,), daemon=True)
        self._ready = threading.Event()
        self._thread.start()
        self._ready.wait()

    def _fail_in_outage(self):
        @web.middleware
        async def fail_in_outage(request, handler):
            if not self.is_out:
                return await handler(request)
            if random.random() < 0.5:
                request.transport.abort()
            return web.Response(status=503)
        return fail_in_outage

    def _serve(self, ssl_context):
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._runner.setup())
        site = web.SockSite(self._runner, self._socket, shutdown_timeout=0.1,
                            ssl_context=ssl_context)
        self._loop.run_until_complete(site.start())
        self._ready.set()
        self._loop.run_forever()
        self._loop.run_until_complete(self._runner.cleanup())
        self._loop.close()

    def close(self):
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)


@contextmanager
def outage(doubles):
    """These providers answer 503 or cut the connection."""
    servers = [double._server for double in doubles]
    for server in servers:
        server.is_out = True
    try:
        yield
    finally:
        for server in servers:
            server.is_out = False
