"""The OAuth client of FastMCP at MCP_URL; the command in BROWSER is its user."""

import asyncio
import os

from fastmcp import Client

URL = os.environ["MCP_URL"]


async def main():
    async with Client(URL, auth="oauth") as client:
        result = await client.call_tool("echo", {"message": "grüße"})
        assert result.content[0].text == "grüße", result
    print("signed in")


asyncio.run(main())
