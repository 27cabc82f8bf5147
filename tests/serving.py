"""The service over a socket, in a thread of the test's process."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from socket import create_server
from typing import Literal

import uvicorn
from fastapi import FastAPI

from cds_service.api.app import create_app
from cds_service.wiring import Application

__all__ = ["serving"]


@contextmanager
def serving(
    application_at: Callable[[str], Application],
    create: Callable[[Application], FastAPI] = create_app,
    http: type[asyncio.Protocol] | Literal["auto"] = "auto",
) -> Iterator[str]:
    """Serve what `application_at` makes of the address at which it will be reached; yield that address."""
    with create_server(("127.0.0.1", 0)) as listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        app = create(application_at(address))
        config = uvicorn.Config(app, http=http, log_level="critical", access_log=False)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        while not server.started:
            thread.join(0.01)
        yield address
        server.should_exit = True
        thread.join(10)
