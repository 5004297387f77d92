"""Serves an environment of yours as OpenEnv's /ws, with nothing but Python's standard library.

class Guess:                                   # one instance an episode
    ACTION = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    def reset(self, seed=None, **data): self.n = random.Random(seed).randrange(9); return {"text": "Guess!"}
    def step(self, action): right = action["n"] == self.n; return {"text": "yes" if right else "no"}, float(right), right

serve(Guess, port=8300)                        # {"kind": "openenv", "name": "guess", "url": "http://127.0.0.1:8300"}
"""
import base64, hashlib, json, socketserver, struct, threading


def serve(environment, host="127.0.0.1", port=0, max_episodes=1024, ready=print):
    places = threading.Semaphore(max_episodes)

    class Connection(socketserver.StreamRequestHandler):
        def handle(self):
            path, headers = self.rfile.readline().split()[1], {}
            for line in iter(self.rfile.readline, b"\r\n"):
                name, value = line.decode().split(":", 1)
                headers[name.lower()] = value.strip()
            if path.endswith(b"/schema"):
                body = json.dumps({"action": environment.ACTION}).encode()
                self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            elif "sec-websocket-key" in headers:
                key = headers["sec-websocket-key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
                accept = base64.b64encode(hashlib.sha1(key.encode()).digest())
                self.wfile.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " + accept + b"\r\n\r\n")
                if not places.acquire(blocking=False):
                    return self.say("error", message="every place is taken", code="CAPACITY_REACHED")
                try:
                    self.episode(environment())
                finally:
                    places.release()

        def episode(self, env):
            for message in iter(self.hear, None):
                kind, data = message.get("type"), message.get("data") or {}
                try:
                    if kind == "reset":
                        self.say("observation", observation=env.reset(**data), reward=None, done=False)
                    elif kind == "step":
                        observation, reward, done = env.step(data)
                        self.say("observation", observation=observation, reward=reward, done=done)
                    elif kind == "close":
                        return
                    else:
                        self.say("error", message=f"there is no {kind} here", code="UNKNOWN_TYPE")
                except Exception as e:
                    self.say("error", message=f"{type(e).__name__}: {e}", code="EXECUTION_ERROR")

        def hear(self):
            text = b""
            while True:
                head = self.rfile.read(2)
                if len(head) < 2 or head[0] & 15 == 8:
                    return None
                length = head[1] & 127
                if length > 125:
                    length = struct.unpack(">H" if length == 126 else ">Q", self.rfile.read(2 if length == 126 else 8))[0]
                mask, data = self.rfile.read(4), self.rfile.read(length)
                data = bytes(b ^ mask[i % 4] for i, b in enumerate(data))
                if head[0] & 15 == 9:
                    self.frame(10, data)
                elif head[0] & 15 < 3:
                    text += data
                    if head[0] & 128:
                        return json.loads(text)

        def say(self, kind, **data):
            self.frame(1, json.dumps({"type": kind, "data": data}).encode())

        def frame(self, opcode, data):
            size = bytes([len(data)]) if len(data) < 126 else struct.pack(">BH", 126, len(data)) if len(data) < 65536 else struct.pack(">BQ", 127, len(data))
            self.wfile.write(bytes([128 | opcode]) + size + data)

    socketserver.ThreadingTCPServer.allow_reuse_address = socketserver.ThreadingTCPServer.daemon_threads = True
    with socketserver.ThreadingTCPServer((host, port), Connection) as server:
        ready(f"listening on http://{host}:{server.server_address[1]}", flush=True)
        server.serve_forever()
