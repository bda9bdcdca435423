"""The Python SDK's client reads each event resource that is listed, under its URI as Python's URL type writes it."""

import json
import os
import unittest

from mcp import Client
from pydantic import AnyUrl

URL = os.environ["MCP_URL"]


class Uris(unittest.IsolatedAsyncioTestCase):
    async def test_reads_what_is_listed(self):
        for mode in ("2026-07-28", "legacy"):
            async with Client(URL, mode=mode) as client:
                resources = (await client.list_resources()).resources
                events = [resource for resource in resources if str(resource.uri).startswith("event:")]
                self.assertGreater(len(events), 50)
                for resource in events:
                    read = await client.read_resource(str(AnyUrl(str(resource.uri))))
                    content = json.loads(read.contents[0].text)
                    self.assertEqual(f"{content['source']} {content['type']}", resource.name)
                    self.assertTrue(content["events"])


if __name__ == "__main__":
    unittest.main()
