"""An environment of two places at once, served by the shim in argv[1]."""
import sys

sys.path.insert(0, sys.argv[1])
import turnstone_env


class Guess:
    ACTION = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}

    def reset(self, seed=None, **data):
        self.n, self.steps = data.get("n", 4), 0
        return {"text": f"Guess, {seed}!"}

    def step(self, action):
        self.steps += 1
        if action["n"] < 0:
            raise ValueError("n is negative")
        if action["n"] == 999:
            return {"text": "y" * (40 << 20)}, 0.0, False
        right = action["n"] == self.n
        return {"text": "yes" if right else f"no, {self.steps}"}, 1.0 if right else -0.25, right


turnstone_env.serve(Guess, max_episodes=2)
