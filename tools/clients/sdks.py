"""Drives a server with OpenAI's and Anthropic's own SDKs: a tool loop, plain and streamed.

    python tools/clients/sdks.py URL KEY

The policy behind the server must say what OtherSdksTest lets it say. Prints what came, as JSON.
"""

import json
import sys

import anthropic
import openai

url, key = sys.argv[1], sys.argv[2]
TOOL = {"type": "function", "function": {"name": "multiply", "parameters": {
    "type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}}}}}
client = openai.OpenAI(base_url=url + "/v1", api_key=key, max_retries=0)
seen = {}

messages = [{"role": "user", "content": "6*7?"}]
first = client.chat.completions.create(model="default", messages=messages, tools=[TOOL])
call = first.choices[0].message.tool_calls[0]
arguments = json.loads(call.function.arguments)
messages += [first.choices[0].message.model_dump(exclude_none=True),
             {"role": "tool", "tool_call_id": call.id, "content": str(arguments["a"] * arguments["b"])}]
text = ""
for chunk in client.chat.completions.create(model="default", messages=messages, tools=[TOOL], stream=True,
                                            stream_options={"include_usage": True}):
    if chunk.choices and chunk.choices[0].delta.content:
        text += chunk.choices[0].delta.content
    if chunk.usage:
        seen["tokens"] = chunk.usage.completion_tokens
seen["chat"] = text

with client.chat.completions.stream(model="default", messages=messages[:1], tools=[TOOL]) as stream:
    events = [event.type for event in stream]
    final = stream.get_final_completion()
seen["streamed_call"] = json.loads(final.choices[0].message.tool_calls[0].function.arguments)

seen["completion"] = client.completions.create(model="default", prompt="a", max_tokens=8).choices[0].text
seen["response"] = client.responses.create(model="default", input="hi").output_text
with client.responses.stream(model="default", input="hi") as stream:
    for event in stream:
        pass
    seen["streamed_response"] = stream.get_final_response().output_text
seen["models"] = [model.id for model in client.models.list()]
try:
    client.chat.completions.create(model="nobody", messages=messages[:1])
except openai.NotFoundError as e:
    seen["error"] = e.code

claude = anthropic.Anthropic(base_url=url, api_key=key, max_retries=0)
message = claude.messages.create(model="claude-x", max_tokens=32, messages=[{"role": "user", "content": "hi"}])
seen["message"] = message.content[0].text
with claude.messages.stream(model="claude-x", max_tokens=32, messages=[{"role": "user", "content": "hi"}]) as stream:
    seen["streamed_message"] = "".join(stream.text_stream)
print(json.dumps(seen))
