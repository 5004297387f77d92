"""Serves an environment of yours as OpenEnv's /ws, with nothing but Python's standard library.
class Guess:                                   # one instance an episode
    ACTION = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    def reset(self, seed=None, **data): self.n = random.Random(seed).randrange(9); return {"text": "Guess!"}
    def step(self, action): right = action["n"] == self.n; return {"text": "yes" if right else "no"}, float(right), right
serve(Guess, port=8300)                        # {"kind": "openenv", "name": "guess", "url": "http://127.0.0.1:8300"}
"""
import base64, hashlib, http.server, json, threading
def serve(environment, host="127.0.0.1", port=0, max_episodes=1024, ready=print):
    places = threading.Semaphore(max_episodes)
    class Connection(http.server.BaseHTTPRequestHandler):
        protocol_version, log_message = "HTTP/1.1", lambda *_: None
        def do_GET(self):
            self.close_connection = True
            if "Sec-WebSocket-Key" not in self.headers:  # GET /schema
                body = json.dumps({"action": environment.ACTION}).encode()
                return self.head(200, {"Content-Type": "application/json", "Content-Length": len(body)}) or self.wfile.write(body)
            key = self.headers["Sec-WebSocket-Key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
            accept = {"Sec-WebSocket-Accept": base64.b64encode(hashlib.sha1(key.encode()).digest()).decode()}
            self.head(101, {"Upgrade": "websocket", "Connection": "Upgrade", **accept})
            if not places.acquire(blocking=False):
                return self.say("error", message="every place is taken", code="CAPACITY_REACHED")
            try:
                self.episode(environment())
            finally:
                places.release()
        def head(self, status, headers):
            self.send_response(status)
            any(self.send_header(*header) for header in headers.items())
            self.end_headers()
        def episode(self, env):
            for message in iter(self.hear, {"type": "close"}):
                kind, data = message.get("type"), message.get("data") or {}
                try:
                    if kind not in ("reset", "step"):
                        raise ValueError(f"there is no {kind} here")
                    answer = env.step(data) if kind == "step" else (env.reset(**data), None, False)
                    self.say("observation", **dict(zip(("observation", "reward", "done"), answer)))
                except Exception as e:
                    self.say("error", message=f"{type(e).__name__}: {e}", code="EXECUTION_ERROR")
        def hear(self, text=b""):
            first, second = self.rfile.read(2) or (8, 0)
            if first & 15 == 8:
                return {"type": "close"}
            size = second & 127 if second & 127 < 126 else int.from_bytes(self.rfile.read(2 if second & 127 == 126 else 8), "big")
            mask = self.rfile.read(4)
            data = bytes(b ^ mask[i % 4] for i, b in enumerate(self.rfile.read(size)))
            if first & 15 == 9:
                self.frame(10, data)
            text += data if first & 15 < 3 else b""
            return json.loads(text) if first & 128 and first & 15 < 3 else self.hear(text)
        def say(self, kind, **data):
            self.frame(1, json.dumps({"type": kind, "data": data}).encode())
        def frame(self, opcode, data):
            size, short = len(data), min(len(data), 126 if len(data) < 65536 else 127)
            extended = b"" if short < 126 else size.to_bytes(2 if short == 126 else 8, "big")
            self.wfile.write(bytes([128 | opcode, short]) + extended + data)
    with http.server.ThreadingHTTPServer((host, port), Connection) as server:
        ready(f"listening on http://{host}:{server.server_address[1]}", flush=True)
        server.serve_forever()
