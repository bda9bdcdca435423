"""Calls of a Python client that end in each way, all at once: clients.py mcp1|mcp2|fastmcp, with the cases as JSON on
standard input. It prints how each call ended for its caller, and stays connected until standard input ends."""

import asyncio
import json
import os
import sys
from datetime import timedelta


async def note(*_):
    """Progress, asked for so that the tool has something to send."""


async def call_mcp1(case, done):
    from mcp import ClientSession
    from mcp.client.streamable_http import streamablehttp_client

    async with streamablehttp_client(case["url"]) as (read, write, _), ClientSession(read, write) as session:
        await session.initialize()
        await asyncio.sleep(0.5)
        timeout = timedelta(seconds=case["timeout"])
        await done(
            session.call_tool("ending", case["arguments"], read_timeout_seconds=timeout, progress_callback=note)
        )


async def call_mcp2(case, done):
    from mcp import Client

    async with Client(case["url"], mode="legacy") as client:
        await asyncio.sleep(0.5)
        await done(
            client.call_tool(
                "ending", case["arguments"], read_timeout_seconds=case["timeout"], progress_callback=note
            )
        )


async def call_fastmcp(case, done):
    from fastmcp import Client

    async with Client(case["url"], mode="legacy") as client:
        await asyncio.sleep(0.5)
        await done(
            client.call_tool("ending", case["arguments"], timeout=case["timeout"], progress_handler=note)
        )


async def run(case, call):
    async def done(coming):
        try:
            result = await coming
            outcome = "result" if result.content else "nothing"
        except Exception as error:
            outcome = f"{type(error).__name__}: {error}"[:200]
        print(json.dumps({"name": case["name"], "outcome": outcome}), flush=True)
        await asyncio.Event().wait()

    try:
        await call(case, done)
    except Exception as error:
        print(json.dumps({"name": case["name"], "outcome": f"broke: {error!r}"[:300]}), flush=True)


async def main():
    cases = json.loads(sys.stdin.readline())
    call = {"mcp1": call_mcp1, "mcp2": call_mcp2, "fastmcp": call_fastmcp}[sys.argv[1]]
    running = [asyncio.create_task(run(case, call)) for case in cases]
    await asyncio.to_thread(sys.stdin.read)
    assert running
    # Without the DELETE of each session: the test has counted.
    os._exit(0)


asyncio.run(main())
