"""The OAuth client of the Python SDK at MCP_URL; the command in BROWSER is its user."""

import asyncio
import os
import shlex
import sys
import urllib.parse

from mcp.client.auth import OAuthClientProvider
from mcp.shared.auth import OAuthClientMetadata

URL = os.environ["MCP_URL"]
BROWSER = shlex.split(os.environ["BROWSER"].replace("%s", ""))


class Memory:
    """What the client keeps."""

    tokens = None
    client = None

    async def get_tokens(self):
        return self.tokens

    async def set_tokens(self, tokens):
        self.tokens = tokens

    async def get_client_info(self):
        return self.client

    async def set_client_info(self, client):
        self.client = client


class Callback:
    """Listens on the redirect URI for one request."""

    def __init__(self):
        self.received = asyncio.get_running_loop().create_future()

    async def listen(self):
        self.server = await asyncio.start_server(self.answer, "127.0.0.1", 0)
        return self.server.sockets[0].getsockname()[1]

    async def answer(self, reader, writer):
        target = (await reader.readline()).decode().split(" ")[1]
        writer.write(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n")
        writer.close()
        if not self.received.done():
            self.received.set_result(dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(target).query)))


async def provider(storage):
    callback = Callback()
    port = await callback.listen()

    async def redirect(url):
        person = await asyncio.create_subprocess_exec(*BROWSER, url)
        assert await person.wait() == 0, "the user was not signed in"

    async def received():
        query = await asyncio.wait_for(callback.received, 20)
        assert "code" in query, query
        return code_result(query)

    metadata = OAuthClientMetadata(
        client_name="Python SDK",
        redirect_uris=[f"http://127.0.0.1:{port}/callback"],
        token_endpoint_auth_method="none",
    )
    return OAuthClientProvider(URL, metadata, storage, redirect, received)


def code_result(query):
    """In 2.x a result with `iss`, in 1.x a tuple."""
    try:
        from mcp.shared.auth import AuthorizationCodeResult
    except ImportError:
        return query["code"], query.get("state")
    return AuthorizationCodeResult(code=query["code"], state=query.get("state"), iss=query.get("iss"))


async def with_client_2(auth):
    import httpx2
    from mcp import Client
    from mcp.client.streamable_http import streamable_http_client

    async with httpx2.AsyncClient(auth=auth, timeout=20) as http:
        async with Client(streamable_http_client(URL, http_client=http)) as client:
            return (await client.call_tool("echo", {"message": "grüße"})).content[0].text


async def with_client_1(auth):
    from mcp import ClientSession
    from mcp.client.streamable_http import streamablehttp_client

    async with streamablehttp_client(URL, auth=auth) as (read, write, _):
        async with ClientSession(read, write) as session:
            await session.initialize()
            return (await session.call_tool("echo", {"message": "grüße"})).content[0].text


async def main():
    call = with_client_1 if sys.argv[1] == "1" else with_client_2
    storage = Memory()
    for _ in range(2):
        assert await call(await provider(storage)) == "grüße"
    print(storage.tokens.token_type, storage.tokens.scope)


asyncio.run(main())
