"""An OpenEnv server to try our client on (pip install openenv==0.10.0): python tools/openenv_server.py PORT, then
`./turnstone env check` a file with {kind: openenv, name: g, url: http://127.0.0.1:PORT, tool: guess}. Two places; pings every 2 s."""
import sys
from typing import Any
from openenv.core.env_server import create_app
from openenv.core.env_server.interfaces import Environment
from openenv.core.env_server.types import Action, Observation, State
class A(Action):
    n: int
class O(Observation):
    text: str = ""
class E(Environment):
    SUPPORTS_CONCURRENT_SESSIONS = True
    def __init__(self): super().__init__(); self._s = State(episode_id="e", step_count=0)
    def reset(self, seed=None, episode_id=None, **kw): self._s = State(episode_id=episode_id or "e", step_count=0); return O(text=f"Guess, {seed}!", done=False, reward=None)
    def step(self, action, timeout_s=None, **kw):
        self._s.step_count += 1
        if action.n < 0: raise ValueError("negative")
        r = action.n == 4
        return O(text="yes" if r else f"no {self._s.step_count}", done=r, reward=1.0 if r else -0.25)
    @property
    def state(self): return self._s
app = create_app(E, A, O, env_name="guess", max_concurrent_envs=2)
import uvicorn
class Server(uvicorn.Server):
    async def startup(self, sockets=None): await super().startup(sockets=sockets); print("listening", flush=True)
Server(uvicorn.Config(app, host="127.0.0.1", port=int(sys.argv[1]), ws_ping_interval=2, ws_ping_timeout=2, log_level="warning")).run()
