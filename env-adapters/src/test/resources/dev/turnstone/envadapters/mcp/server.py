"""A small MCP server on stdin and stdout that misbehaves as its tools are told to."""
import json
import os
import subprocess
import sys
import time

print("WARNING: loading model", flush=True)
sys.stdout.buffer.write(b"\xff\xfe not UTF-8\n")
sys.stdout.flush()
NAMES = ["env", "spawn", "hang", "exit", "flood", "raw", "cancelled"]
cancelled = []


def answer(message, result):
    print(json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result}), flush=True)


def call(message):
    name, arguments = message["params"]["name"], message["params"].get("arguments") or {}
    if name == "env":
        text = json.dumps(sorted(os.environ))
    elif name == "spawn":
        started, says = os.pipe()
        shell = "trap '' TERM HUP INT; sleep %s & echo >&%d; wait" % (arguments["seconds"], says)
        subprocess.Popen(["setsid", "sh", "-c", shell], stdin=subprocess.DEVNULL, pass_fds=[says])
        os.read(started, 1)
        text = "spawned"
    elif name == "hang":
        return
    elif name == "exit":
        print("out of memory", file=sys.stderr, flush=True)
        os._exit(3)
    elif name == "flood":
        while True:
            sys.stdout.write("x" * 65536)
    elif name == "raw":
        sys.stdout.buffer.write(b'{"jsonrpc":"2.0","id":"%s","result":{"content":[{"type":"text","text":"a\xffb"}]}}\n' % message["id"].encode())
        sys.stdout.flush()
        return
    else:
        text = json.dumps(len(cancelled))
    answer(message, {"content": [{"type": "text", "text": text}]})


for line in sys.stdin:
    message = json.loads(line)
    method = message.get("method")
    if method == "initialize":
        answer(message, {"protocolVersion": "2024-11-05", "capabilities": {}, "serverInfo": {"name": "s", "version": "1"}})
    elif method == "tools/list":
        answer(message, {"tools": [{"name": n, "inputSchema": {"type": "object"}} for n in NAMES]})
    elif method == "tools/call":
        call(message)
    elif method == "notifications/cancelled":
        cancelled.append(message)
