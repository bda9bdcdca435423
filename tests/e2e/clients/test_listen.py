"""The Python SDK's client as a listener: one client changes the tools, another is told."""

import asyncio
import os
import unittest

from mcp import Client
from mcp.client.subscriptions import ToolsListChanged

URL = os.environ["MCP_URL"]


class Listen(unittest.IsolatedAsyncioTestCase):
    async def test_is_told_that_the_tools_changed(self):
        async with Client(URL, mode="2026-07-28") as listener, Client(URL, mode="2026-07-28") as actor:
            async with listener.listen(tools_list_changed=True) as subscription:
                self.assertTrue(subscription.honored.tools_list_changed)
                await actor.call_tool("test_trigger_tool_change", {})
                event = await asyncio.wait_for(anext(subscription), 20)
                self.assertEqual(event, ToolsListChanged())


if __name__ == "__main__":
    unittest.main()
