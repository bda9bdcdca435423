"""The Python SDK's client, `mcp.Client`, against the server at MCP_URL: both eras, and left to choose.

MCP_PROXY names the program that the client starts in place of a connection: it serves the URL on stdin and stdout."""

import asyncio
import os
import time
import unittest
import uuid

from mcp import Client, MCPError, StdioServerParameters
from mcp_types import PromptReference

URL = os.environ["MCP_URL"]
PROXY = os.environ.get("MCP_PROXY")
SERVER = StdioServerParameters(command=PROXY, args=["proxy", URL]) if PROXY else URL
TOOLS = {"echo", "counter", "progress", "session_info", "lambda_diagnostics"}
STEPS = 3
DELAY_MS = 250


def text_of(result):
    assert not result.is_error, result
    assert result.content[0].type == "text", result
    return result.content[0].text


class Base:
    """The tests, once per way to agree on a version."""

    mode: str
    version: str

    def connect(self):
        return Client(SERVER, mode=self.mode, read_timeout_seconds=20)

    async def test_speaks_the_version(self):
        async with self.connect() as client:
            self.assertEqual(client.protocol_version, self.version)
            if self.mode != self.version:  # a pinned client asks nobody, so it is told no name
                self.assertTrue(client.server_info.name)

    async def test_lists_and_calls_tools(self):
        async with self.connect() as client:
            self.assertLessEqual(TOOLS, {tool.name for tool in (await client.list_tools()).tools})
            self.assertEqual(text_of(await client.call_tool("echo", {"message": "grüße 🦀"})), "grüße 🦀")

    async def test_receives_progress_while_the_tool_runs(self):
        seen = []
        first = asyncio.Event()

        async def note(progress, total, message):
            seen.append((progress, total, time.monotonic()))
            first.set()

        async with self.connect() as client:
            arguments = {"steps": STEPS, "delay_ms": DELAY_MS}
            call = asyncio.create_task(client.call_tool("progress", arguments, progress_callback=note))
            await asyncio.wait_for(first.wait(), 20)
            self.assertFalse(call.done())
            self.assertEqual(len(seen), 1)
            self.assertEqual(text_of(await client.call_tool("echo", {"message": "meanwhile"})), "meanwhile")
            self.assertFalse(call.done())
            text_of(await call)

        self.assertEqual([(progress, total) for progress, total, _ in seen], [(1, STEPS), (2, STEPS), (3, STEPS)])
        for (_, _, before), (_, _, after) in zip(seen, seen[1:]):
            # A server that held them back would deliver all at once.
            self.assertGreater(after - before, DELAY_MS / 1000 / 2)

    async def test_keeps_a_named_counter(self):
        name = f"e2e-{uuid.uuid4()}"
        async with self.connect() as client:
            self.assertEqual(text_of(await client.call_tool("counter", {"name": name, "by": 2})), "2")
            self.assertEqual(text_of(await client.call_tool("counter", {"name": name, "by": 3})), "5")

    async def test_lists_and_reads_resources(self):
        async with self.connect() as client:
            uri = (await client.list_resources()).resources[0].uri
            self.assertEqual((await client.read_resource(uri)).contents[0].uri, uri)

    async def test_gets_a_prompt_and_completes_its_argument(self):
        async with self.connect() as client:
            prompt = (await client.list_prompts()).prompts[0]
            argument = prompt.arguments[0].name
            reference = PromptReference(type="ref/prompt", name=prompt.name)
            values = (await client.complete(reference, {"name": argument, "value": ""})).completion.values
            self.assertTrue(values)
            filled = {parameter.name: values[0] for parameter in prompt.arguments}
            self.assertTrue((await client.get_prompt(prompt.name, filled)).messages)

    async def test_learns_that_a_tool_does_not_exist(self):
        async with self.connect() as client:
            try:
                result = await client.call_tool("no_such_tool", {})
            except MCPError:
                return
            self.assertTrue(result.is_error)


class Stateless(Base, unittest.IsolatedAsyncioTestCase):
    mode = "2026-07-28"
    version = "2026-07-28"


class LeftToChoose(Base, unittest.IsolatedAsyncioTestCase):
    mode = "auto"
    version = "2026-07-28"


class Session(Base, unittest.IsolatedAsyncioTestCase):
    mode = "legacy"
    version = "2025-11-25"


if __name__ == "__main__":
    unittest.main()
