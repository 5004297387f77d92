"""Fuzzes a running server with schemathesis, from the contract that it serves.

    python -m venv /tmp/venv && /tmp/venv/bin/pip install schemathesis
    ./turnstone serve --model models/tiny --data /tmp/fuzz-data &
    /tmp/venv/bin/python tools/fuzz_gateway.py --url http://127.0.0.1:8000 --seconds 600

Fails (exit code 1) on a 5xx that is not the documented 503, on a request that has no answer in
60 s, and if afterwards a request still runs or waits or a KV block is still held. Routes that make
the policy stand still are fuzzed like all others; a thread lets it go on again.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

# Open for as long as their client wants.
ENDLESS = r"/(events|feed)$"
RELEASES = ["/resume", "/wake_up", "/continue_generation"]
GAUGES = ["vllm:num_requests_running", "vllm:num_requests_waiting", "turnstone_engine_running",
          "turnstone_engine_waiting", "turnstone_completions", "turnstone_engine_kv_usage"]


def post(url):
    request = urllib.request.Request(url, data=b"{}", headers={"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=30) as reply:
            reply.read()
    except (urllib.error.URLError, TimeoutError, ConnectionError) as e:
        print(f"fuzz: {url}: {e}", file=sys.stderr)


def release(url, stop):
    while not stop.wait(0.2):
        for path in RELEASES:
            post(url + path)


def gauges(url):
    with urllib.request.urlopen(url + "/metrics", timeout=30) as reply:
        lines = reply.read().decode().splitlines()
    found = {}
    for line in lines:
        name = line.split("{")[0].split(" ")[0]
        if name in GAUGES:
            found[name] = float(line.rsplit(" ", 1)[1])
    return found


def settled(url):
    """The gauges once nothing runs, or after 30 s."""
    for _ in range(60):
        seen = gauges(url)
        if not any(seen.values()):
            break
        time.sleep(0.5)
    return seen


def broken(report):
    """Replies of 5xx but 503, of a report with one JSON event per line."""
    seen = {}
    statuses = {}

    def walk(node):
        if isinstance(node, dict):
            response, request = node.get("response"), node.get("request")
            if isinstance(response, dict) and isinstance(request, dict):
                status = response.get("status_code", 0)
                statuses[status] = statuses.get(status, 0) + 1
                if status >= 500 and status != 503:
                    key = (request.get("method"), request.get("uri"), status)
                    seen.setdefault(key, str(response)[:500])
            for value in node.values():
                walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)

    with open(report) as lines:
        for line in lines:
            walk(json.loads(line))
    return seen, statuses


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--url", default="http://127.0.0.1:8000")
    options.add_argument("--seconds", type=int, default=600)
    options.add_argument("--seed", type=int, default=1)
    args = options.parse_args()
    stop = threading.Event()
    releaser = threading.Thread(target=release, args=(args.url, stop), daemon=True)
    releaser.start()
    with tempfile.TemporaryDirectory() as folder:
        report = pathlib.Path(folder, "report.ndjson")
        run = subprocess.run(
            [str(pathlib.Path(sys.executable).parent / "schemathesis"), "run", args.url + "/openapi.yaml",
             "--url", args.url, "--phases", "examples,coverage,fuzzing,stateful", "--checks", "not_a_server_error",
             "--exclude-path-regex", ENDLESS, "--max-time", str(args.seconds), "--max-examples", "100000",
             "--request-timeout", "60", "--continue-on-failure", "--no-shrink", "--suppress-health-check", "all",
             "--seed", str(args.seed), "--no-color", "--warnings", "off",
             "--report", "ndjson", "--report-ndjson-path", str(report)],
            text=True, capture_output=True, cwd=folder)
        stop.set()
        releaser.join()
        print(run.stdout[-6000:], run.stderr[-2000:])
        failures, statuses = broken(report)
    left = settled(args.url)
    for (method, uri, status), response in failures.items():
        print(f"{status} {method} {uri}: {response}")
    hung = "timed out" in run.stdout.lower() or "timeout" in run.stdout.lower()
    print(json.dumps({"statuses": {str(k): v for k, v in sorted(statuses.items())}, "server_errors": len(failures),
                      "hung": hung, "left": left}))
    return 1 if failures or hung or any(left.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
