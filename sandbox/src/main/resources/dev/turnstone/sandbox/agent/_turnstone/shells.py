"""A bash that keeps its state from one command to the next."""

import os
import signal

from .processes import Kept, Supervision, descendants, drain, kill

# Commands come on 9, each ended by a NUL; the exit code of each goes to 8. Neither is open in them.
LOOP = (
    "trap : INT; while IFS= read -r -d '' -u 9 __command; do"
    ' eval "$__command" </dev/null 8>&- 9<&-; printf "%s\\n" "$?" >&8; done'
)
LOOKS = 10  # for processes that have started meanwhile
INTERRUPTED = 1.0  # seconds that a command has to end after its interrupt


class Shell:
    def __init__(self, children, pid, commands, codes, output):
        self.children = children
        self.pid = pid
        self.commands = commands
        self.codes = codes
        self.output = output
        self.killed = False  # for good, though a busy machine may take a while to end it

    @staticmethod
    def start(children, limits, header):
        commands_out, commands = os.pipe()
        codes, codes_in = os.pipe()
        output, output_in = os.pipe()
        for fd in (commands, codes, output):
            os.set_blocking(fd, False)
        null = os.open("/dev/null", os.O_RDONLY)
        try:
            limits.apply()
            pid = children.spawn(
                ["/usr/bin/bash", "--norc", "--noprofile", "-c", LOOP],
                header["environment"],
                (null, output_in, output_in),
                ((8, codes_in), (9, commands_out)),
            )
        finally:
            os.close(null)
        for fd in (commands_out, codes_in, output_in):
            os.close(fd)
        return Shell(children, pid, commands, codes, output)

    def alive(self):
        return not self.killed and self.children.alive(self.pid)

    def run(self, connection, command, limits):
        """What came of it, and its output: stdout and stderr in one stream."""
        kept = Kept(limits.output)
        supervision = Supervision(
            self.children, connection, self.pid, {self.output: kept}, limits
        )
        supervision.ends_with(self.codes)
        supervision.feed_and_keep(self.commands, command.replace(b"\0", b"") + b"\0")
        supervision.run()
        if supervision.over_memory:
            self.children.kill_all()
            self.killed = True
        timed_out = not supervision.signalled and supervision.status is None
        if timed_out and not supervision.over_memory:
            self.interrupt(connection, kept, limits)
        drain(self.output, kept, 64)
        result = supervision.result()
        if supervision.signalled.strip():
            result["code"] = int(supervision.signalled.split(b"\n")[0])
        result["ended"] = not self.alive()
        result["left_out"] = [kept.left_out(), 0]
        return result, kept.bytes()

    def interrupt(self, connection, kept, limits):
        """Ends what runs as Ctrl-C would, and the shell too if that is not enough."""
        told = set()
        limits.wall = INTERRUPTED / LOOKS
        for _ in range(LOOKS):
            started = set(descendants(self.pid)) - told  # the command may have been about to start
            for pid in started:
                kill(pid, signal.SIGINT)
            told |= started
            again = Supervision(
                self.children, connection, self.pid, {self.output: kept}, limits, cancellable=False
            )
            again.ends_with(self.codes)
            again.run()
            if again.signalled:
                return
        self.children.kill_session(self.pid)
        self.killed = True

    def close(self):
        self.children.kill_session(self.pid)
        for fd in (self.commands, self.codes, self.output):
            os.close(fd)

