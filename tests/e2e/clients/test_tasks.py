"""Tasks of 2026-07-28 with the Python SDK's client 2.x: it has no client of tasks, but the hooks to make one."""

import asyncio
import os
import unittest
from typing import Any, Literal

from mcp import Client
from mcp.client.extension import ClientExtension, ResultClaim
from mcp_types import CallToolResult, Request, RequestParams, Result
from pydantic import ConfigDict
from pydantic.alias_generators import to_camel

URL = os.environ["MCP_URL"]


class CreatedTask(Result):
    """What a call is answered with."""

    model_config = ConfigDict(extra="allow", alias_generator=to_camel, populate_by_name=True)
    result_type: Literal["task"] = "task"
    task_id: str


class Task(Result):
    """What `tasks/get` is answered with."""

    model_config = ConfigDict(extra="allow", alias_generator=to_camel, populate_by_name=True)
    status: str
    result: dict[str, Any] | None = None
    input_requests: dict[str, Any] | None = None


class Params(RequestParams):
    model_config = ConfigDict(extra="allow")


class TasksRequest(Request[Params, str]):
    name_param = "taskId"
    method: str
    params: Params


class Tasks(ClientExtension):
    """Polls until the task has ended, and answers each question once."""

    identifier = "io.modelcontextprotocol/tasks"

    def __init__(self):
        self.seen = []

    def claims(self):
        return [ResultClaim(result_type="task", model=CreatedTask, resolve=self.resolve)]

    async def resolve(self, created, context):
        answered = set()
        while True:
            get = TasksRequest(method="tasks/get", params=Params(taskId=created.task_id))
            task = await context.session.send_request(get, Task)
            self.seen.append(task.status)
            if task.status == "completed":
                return CallToolResult.model_validate(task.result)
            assert task.status in ("working", "input_required"), task
            asked = {key for key in task.input_requests or {} if key not in answered}
            if asked:
                answered |= asked
                answers = {key: {"action": "accept", "content": {"confirm": True}} for key in asked}
                update = TasksRequest(
                    method="tasks/update", params=Params(taskId=created.task_id, inputResponses=answers)
                )
                await context.session.send_request(update, Result)
            await asyncio.sleep(0.1)


class Stateless(unittest.IsolatedAsyncioTestCase):
    async def call(self, tool, arguments):
        tasks = Tasks()
        async with Client(URL, mode="auto", read_timeout_seconds=20, extensions=[tasks]) as client:
            self.assertEqual(client.protocol_version, "2026-07-28")
            result = await client.call_tool(tool, arguments)
            return result.content[0].text, tasks.seen

    async def test_a_call_runs_as_a_task(self):
        text, seen = await self.call("slow_compute", {"seconds": 1, "label": "python"})
        self.assertEqual(text, "Computed python in 1 s")
        self.assertEqual((seen[0], seen[-1]), ("working", "completed"))

    async def test_a_task_asks_and_is_answered(self):
        text, seen = await self.call("confirm_delete", {"filename": "a.txt"})
        self.assertEqual(text, "Deleted a.txt")
        self.assertIn("input_required", seen)
