// Drives a server with OpenAI's and Anthropic's own SDKs, as sdks.py does:
//
//     NODE_PATH is not read by modules, so: node tools/clients/sdks.mjs URL KEY FOLDER
//
// FOLDER is where sdks.sh has installed them.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import path from "node:path";

const [url, key, folder] = process.argv.slice(2);
const require = createRequire(pathToFileURL(path.join(folder, "package.json")));
const OpenAI = require("openai").default ?? require("openai");
const Anthropic = require("@anthropic-ai/sdk").default ?? require("@anthropic-ai/sdk");

const tools = [{ type: "function", function: { name: "multiply", parameters: {
  type: "object", properties: { a: { type: "integer" }, b: { type: "integer" } } } } }];
const client = new OpenAI({ baseURL: url + "/v1", apiKey: key, maxRetries: 0 });
const seen = {};

const messages = [{ role: "user", content: "6*7?" }];
const first = await client.chat.completions.create({ model: "default", messages, tools });
const call = first.choices[0].message.tool_calls[0];
const { a, b } = JSON.parse(call.function.arguments);
const after = [...messages, first.choices[0].message, { role: "tool", tool_call_id: call.id, content: String(a * b) }];
let text = "";
for await (const chunk of await client.chat.completions.create({
  model: "default", messages: after, tools, stream: true, stream_options: { include_usage: true } })) {
  text += chunk.choices[0]?.delta?.content ?? "";
  if (chunk.usage) seen.tokens = chunk.usage.completion_tokens;
}
seen.chat = text;

const stream = client.chat.completions.stream({ model: "default", messages, tools });
const final = await stream.finalChatCompletion();
seen.streamed_call = JSON.parse(final.choices[0].message.tool_calls[0].function.arguments);

seen.completion = (await client.completions.create({ model: "default", prompt: "a", max_tokens: 8 })).choices[0].text;
seen.response = (await client.responses.create({ model: "default", input: "hi" })).output_text;
seen.streamed_response = (await client.responses.stream({ model: "default", input: "hi" }).finalResponse()).output_text;
seen.models = [];
for await (const model of client.models.list()) seen.models.push(model.id);
try {
  await client.chat.completions.create({ model: "nobody", messages });
} catch (e) {
  seen.error = e.code;
}

const claude = new Anthropic({ baseURL: url, apiKey: key, maxRetries: 0 });
const asked = { model: "claude-x", max_tokens: 32, messages: [{ role: "user", content: "hi" }] };
seen.message = (await claude.messages.create(asked)).content[0].text;
seen.streamed_message = await claude.messages.stream(asked).finalText();
console.log(JSON.stringify(seen));
