"""A model's service on loopback that plays a fixed task: what it answers depends on what the agent program's tools gave back.

It speaks as much of Anthropic's Messages and of OpenAI's chat completions as Claude Code, aider and mini-swe-agent use, streamed
and whole, with usage numbers that differ from answer to answer, so that a sum that is right is no accident.
"""

import json
import re
import threading

from test_gateway import Service


class Step:
    """One answer of the model: what the last result must show, then text, a call of a tool, or both."""

    def __init__(self, wanted, text="", tool=None, input=None):
        self.wanted, self.text, self.tool, self.input = wanted, text, tool, input


class ModelServer(Service):
    """Plays `tasks`: a word of the user's by which a task is known, and its steps. What is out of order is in `surprises`, and
    ends the program's work, as the answer has no call of a tool."""

    def __init__(self, tasks):
        self.tasks, self.surprises, self.conversations = tasks, [], []
        # By model, as the rows of `cloche cost`. Answers that did not say what they used are only counted.
        self.usage, self.number = {}, 0
        self.lock = threading.Lock()
        # Clear while the test wants the model to think.
        self.go_on = threading.Event()
        self.go_on.set()
        super().__init__(self.respond)

    def respond(self, handler, body):
        path = handler.path.split("?")[0]
        if handler.command == "POST" and path == "/v1/messages":
            return self.messages(handler, json.loads(body))
        if handler.command == "POST" and path == "/v1/chat/completions":
            return self.completions(handler, json.loads(body))
        if handler.command == "POST" and path == "/v1/responses":
            return self.responses(handler, json.loads(body))
        handler.reply(b'{"type": "error", "error": {"type": "not_found_error", "message": "not here"}}', 404, "application/json")

    def next_step(self, turns):
        """The step for a conversation, given as (role, text, whether it is a tool's result)."""
        self.conversations.append(turns)
        for at in reversed(range(len(turns))):
            role, text, is_result = turns[at]
            task = next((word for word in self.tasks if word in text), None)
            if role == "user" and not is_result and task:
                results = [text for _, text, is_result in turns[at + 1 :] if is_result]
                return self.checked(task, results)
        return Step(None, "A word by the way")

    def checked(self, task, results):
        steps = self.tasks[task]
        step = steps[min(len(results), len(steps) - 1)]
        last = results[-1] if results else ""
        if len(results) >= len(steps) or not re.search(step.wanted or "", last):
            self.surprises.append(f"{task}, after {len(results)} results: wanted {step.wanted!r} in {last[-2000:]!r}")
            return Step(None, "SURPRISED")
        return step

    def count(self, model, size, cached=False, said=True):
        """Numbers for one answer, added to the sums of its model."""
        with self.lock:
            self.number = number = self.number + 1
            used = {"input": 100 + number, "output": 10 * size + number, "cache-read": 0, "cache-write": 0}
            if cached:
                used |= {"cache-read": 1000 * number, "cache-write": 7 * number}
            sums = self.usage.setdefault(model, dict.fromkeys(("requests", "estimated", *used), 0))
            sums["requests"] += 1
            sums["estimated"] += not said
            for key, value in used.items():
                sums[key] += value
        return number, used

    # Anthropic

    def messages(self, handler, request):
        turns = list(anthropic_turns(request["messages"]))
        step = self.next_step(turns) if request.get("tools") else Step(None, "Adding")
        self.go_on.wait(60)
        number, used = self.count(request["model"], len(step.text), cached=True)
        blocks = [{"type": "text", "text": step.text}] if step.text else []
        if step.tool:
            blocks.append({"type": "tool_use", "id": f"toolu_{number:020}", "name": step.tool, "input": step.input})
        message = {
            "id": f"msg_{number:020}", "type": "message", "role": "assistant", "model": request["model"], "content": blocks,
            "stop_reason": "tool_use" if step.tool else "end_turn", "stop_sequence": None,
            "usage": {
                "input_tokens": used["input"], "output_tokens": used["output"],
                "cache_read_input_tokens": used["cache-read"], "cache_creation_input_tokens": used["cache-write"],
            },
        }  # fmt: skip
        if not request.get("stream"):
            return handler.reply(json.dumps(message).encode(), kind="application/json")
        handler.events(b"event: %s\ndata: %s\n\n" % (event["type"].encode(), json.dumps(event).encode()) for event in anthropic_events(message))

    # OpenAI

    def completions(self, handler, request):
        turns = [(turn["role"], text_of(turn.get("content")), turn["role"] == "tool") for turn in request["messages"]]
        step = self.next_step(turns)
        self.go_on.wait(60)
        said = not request.get("stream") or request.get("stream_options", {}).get("include_usage", False)
        number, used = self.count(request["model"], len(step.text), said=said)
        message = {"role": "assistant", "content": step.text}
        if step.tool:
            function = {"name": step.tool, "arguments": json.dumps(step.input)}
            message["tool_calls"] = [{"index": 0, "id": f"call_{number}", "type": "function", "function": function}]
        usage = {"prompt_tokens": used["input"], "completion_tokens": used["output"], "total_tokens": used["input"] + used["output"]}
        answer = {"id": f"chatcmpl-{number}", "created": 1, "model": request["model"]}
        choice = {"index": 0, "finish_reason": "tool_calls" if step.tool else "stop"}
        if not request.get("stream"):
            answer |= {"object": "chat.completion", "usage": usage, "choices": [choice | {"message": message}]}
            return handler.reply(json.dumps(answer).encode(), kind="application/json")
        answer["object"] = "chat.completion.chunk"
        chunks = [answer | {"choices": [{"index": 0, "delta": message, "finish_reason": None}]}, answer | {"choices": [choice | {"delta": {}}]}]
        if said:
            chunks.append(answer | {"choices": [], "usage": usage})
        lines = [json.dumps(chunk).encode() for chunk in chunks] + [b"[DONE]"]
        handler.events(b"data: %s\n\n" % line for line in lines)

    def offered(self, request, step):
        """A command as the tool takes it that a program offers for its model."""
        tools = {tool.get("name") for tool in request.get("tools", [])}
        command = step.input["cmd"]
        forms = {"exec_command": {"cmd": command}, "shell_command": {"command": command}, "shell": {"command": ["sh", "-c", command]}}
        name = next((name for name in forms if name in tools), step.tool)
        if name not in tools:
            self.surprises.append(f"no tool for commands among {sorted(map(str, tools))}")
        return name, forms[name]

    def responses(self, handler, request):
        """OpenAI's Responses, always streamed: so Codex asks."""
        # A name for the conversation is asked for without tools.
        step = self.next_step(list(response_turns(request["input"]))) if request.get("tools") else Step(None, "Adding")
        self.go_on.wait(60)
        number, used = self.count(request["model"], len(step.text))
        items = []
        if step.text:
            content = [{"type": "output_text", "text": step.text, "annotations": []}]
            items.append({"type": "message", "id": f"msg_{number}", "role": "assistant", "status": "completed", "content": content})
        if step.tool:
            name, input = self.offered(request, step)
            call = {"name": name, "arguments": json.dumps(input), "call_id": f"call_{number}", "status": "completed"}
            items.append({"type": "function_call", "id": f"fc_{number}", **call})
        usage = {
            "input_tokens": used["input"], "input_tokens_details": {"cached_tokens": 0}, "output_tokens": used["output"],
            "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": used["input"] + used["output"],
        }  # fmt: skip
        answer = {"id": f"resp_{number}", "object": "response", "created_at": 1, "model": request["model"]}
        events = [{"type": "response.created", "response": answer | {"status": "in_progress", "output": []}}]
        for index, item in enumerate(items):
            events.append({"type": "response.output_item.added", "output_index": index, "item": item})
            events.append({"type": "response.output_item.done", "output_index": index, "item": item})
        events.append({"type": "response.completed", "response": answer | {"status": "completed", "output": items, "usage": usage}})
        handler.events(b"event: %s\ndata: %s\n\n" % (event["type"].encode(), json.dumps(event).encode()) for event in events)


def response_turns(items):
    for item in items:
        if item.get("type") == "function_call_output":
            yield "tool", text_of(item["output"]), True
        elif item.get("type", "message") == "message":
            yield item["role"], text_of(item["content"]), False


def anthropic_turns(messages):
    for message in messages:
        content = message["content"]
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
        for block in blocks:
            if block["type"] == "tool_result":
                yield message["role"], text_of(block.get("content")), True
            elif block["type"] == "text":
                yield message["role"], block["text"], False


def text_of(content):
    if isinstance(content, list):
        return "".join(block.get("text", "") for block in content)
    return content or ""


def anthropic_events(message):
    """The pieces in which a message is streamed; its numbers come at the beginning and at the end."""
    begun = message | {"content": [], "stop_reason": None, "usage": message["usage"] | {"output_tokens": 1}}
    yield {"type": "message_start", "message": begun}
    for index, block in enumerate(message["content"]):
        if block["type"] == "text":
            empty, delta = {"type": "text", "text": ""}, {"type": "text_delta", "text": block["text"]}
        else:
            empty, delta = block | {"input": {}}, {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
        yield {"type": "content_block_start", "index": index, "content_block": empty}
        yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    ended = {"stop_reason": message["stop_reason"], "stop_sequence": None}
    yield {"type": "message_delta", "delta": ended, "usage": {"output_tokens": message["usage"]["output_tokens"]}}
    yield {"type": "message_stop"}
