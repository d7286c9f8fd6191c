"""An agent in one file: a language model chooses among the router's tools, and the agent calls them as plain JSON.

    pip install openai
    OPENAI_API_KEY=... OPENAI_MODEL=... python examples/agent.py "What is 6 times 7?"

OPENAI_BASE_URL sets another compatible endpoint. MULTI_MCP_URL sets another router than http://127.0.0.1:8000.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import cast

import httpx2
from openai import AsyncOpenAI, OpenAIError, omit
from openai.types.chat import ChatCompletionMessageFunctionToolCall, ChatCompletionMessageParam, ChatCompletionToolParam

STEPS = 10


class NoAnswer(Exception):
    """The model was still calling tools at its last step."""


async def ask(question: str, router: httpx2.AsyncClient, openai: AsyncOpenAI, model: str, steps: int = STEPS) -> str:
    """Lets the model call tools until it answers with text. Raises NoAnswer after `steps` turns."""
    tools = await list_tools(router)
    messages: list[ChatCompletionMessageParam] = [{"role": "user", "content": question}]
    for _ in range(steps):
        completion = await openai.chat.completions.create(model=model, messages=messages, tools=tools or omit)
        message = completion.choices[0].message
        calls = [call for call in message.tool_calls or () if call.type == "function"]
        if not calls:
            return message.content or message.refusal or ""
        messages.append(cast("ChatCompletionMessageParam", message.to_dict()))
        messages.extend(await asyncio.gather(*(answer(router, call) for call in calls)))
    raise NoAnswer(f"The model gave no answer within {steps} steps.")


async def list_tools(router: httpx2.AsyncClient) -> list[ChatCompletionToolParam]:
    response = await router.get("/tools", params={"format": "openai"})
    return cast("list[ChatCompletionToolParam]", response.raise_for_status().json())


async def answer(router: httpx2.AsyncClient, call: ChatCompletionMessageFunctionToolCall) -> ChatCompletionMessageParam:
    """Returns the tool message for one call: its result, or the error, so that the model can try again."""
    content = await call_tool(router, call.function.name, call.function.arguments)
    return {"role": "tool", "tool_call_id": call.id, "content": content}


async def call_tool(router: httpx2.AsyncClient, name: str, arguments: str) -> str:
    """`arguments` is JSON text, which the router takes as it is; its error says what is wrong with it."""
    try:
        response = await router.post("/call", json={"tool": name, "arguments": arguments})
    except httpx2.HTTPError as exc:
        return f"The router did not answer: {str(exc) or type(exc).__name__}"
    if response.status_code == 202:
        return "The tool asks for input, which this agent does not support."
    if response.is_success:
        return json.dumps(response.json()["result"], ensure_ascii=False)
    return problem(response)


def problem(response: httpx2.Response) -> str:
    """Returns the reason of a failed call. For invalid arguments it includes the list of errors."""
    if not response.headers.get("content-type", "").startswith("application/problem+json"):
        return f"The router answered with status {response.status_code}."
    answer = response.json()
    errors = answer.get("errors")
    return f"{answer['detail']} {json.dumps(errors, ensure_ascii=False)}" if errors else str(answer["detail"])


async def main(question: str) -> str:
    url = os.environ.get("MULTI_MCP_URL", "http://127.0.0.1:8000")
    async with httpx2.AsyncClient(base_url=url, timeout=120) as router, AsyncOpenAI() as openai:
        return await ask(question, router, openai, os.environ["OPENAI_MODEL"])


if __name__ == "__main__":
    if len(sys.argv) != 2 or "OPENAI_MODEL" not in os.environ:
        sys.exit(f'usage: OPENAI_API_KEY=... OPENAI_MODEL=... python {sys.argv[0]} "What is 6 times 7?"')
    try:
        print(asyncio.run(main(sys.argv[1])))
    except httpx2.HTTPError as exc:
        sys.exit(f"The router did not answer: {str(exc) or type(exc).__name__}")
    except (OpenAIError, NoAnswer) as exc:
        sys.exit(str(exc))
