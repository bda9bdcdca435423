"""Tasks of 2025-11-25 with the Python SDK's client 1.x, which has a client of them."""

import os
import unittest

from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client
from mcp.types import CallToolResult, ElicitResult

URL = os.environ["MCP_URL"]


async def accept(_context, _params):
    return ElicitResult(action="accept", content={"confirm": True})


class Session(unittest.IsolatedAsyncioTestCase):
    async def call(self, tool, arguments):
        """Runs a call as a task to its end, and says which statuses it had."""
        async with (
            streamable_http_client(URL) as (receive, send, _),
            ClientSession(receive, send, elicitation_callback=accept) as client,
        ):
            opened = await client.initialize()
            self.assertEqual(opened.protocolVersion, "2025-11-25")
            self.assertIsNotNone(opened.capabilities.tasks.requests.tools.call)
            task = (await client.experimental.call_tool_as_task(tool, arguments, ttl=60_000)).task
            self.assertEqual((task.status, task.ttl), ("working", 60_000))
            seen = []
            result = None
            async for polled in client.experimental.poll_task(task.taskId):
                seen.append(polled.status)
                if polled.status == "input_required":
                    result = await client.experimental.get_task_result(task.taskId, CallToolResult)
            result = result or await client.experimental.get_task_result(task.taskId, CallToolResult)
            return result.content[0].text, seen

    async def test_a_call_runs_as_a_task(self):
        text, seen = await self.call("slow_compute", {"seconds": 1, "label": "python"})
        self.assertEqual(text, "Computed python in 1 s")
        self.assertEqual((seen[0], seen[-1]), ("working", "completed"))

    async def test_a_task_asks_and_is_answered(self):
        text, seen = await self.call("confirm_delete", {"filename": "a.txt"})
        self.assertEqual(text, "Deleted a.txt")
        self.assertEqual(seen[-1], "completed")
