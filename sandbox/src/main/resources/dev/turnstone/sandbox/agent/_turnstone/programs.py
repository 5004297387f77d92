"""A Python program in a process that was forked from a warm interpreter, before there was a program."""

import atexit
import gc
import json
import os
import socket
import sys
import threading

from . import jailing
from .places import workspace
from .processes import CONTROL, Limits, Pipes, become, kill

AGENT = os.path.dirname(os.path.dirname(__file__)) + "/"


class Ahead:
    """The worker's side of a process that waits for its program. All that is the same for every program is
    done while it waits: the fork, its first page faults, what it sheds of the worker."""

    def __init__(self, pid, control, pipes):
        self.pid = pid
        self.control = control
        self.pipes = pipes

    @staticmethod
    def start(children, start_program):
        pipes = Pipes()
        ours, theirs = socket.socketpair()
        jailing.name(b"ahead")  # the child's from its first moment, for whoever counts processes from outside
        pid = children.fork()
        if pid == 0:
            become(pipes.theirs(), theirs.detach())
            raise start_program(Script())
        jailing.name(b"python3")
        theirs.close()
        pipes.close_theirs()
        return Ahead(pid, ours, pipes)

    def run(self, path, code, rlimits):
        """Hands the program over: it runs as if by `python3 path`."""
        header = json.dumps({"path": path, "rlimits": rlimits, "size": len(code)}).encode() + b"\n"
        try:
            self.control.sendall(header + code)
        except ConnectionError:
            pass  # it was killed: its death will tell
        self.control.setblocking(False)

    def close(self):
        """For a jail whose first request is no such program."""
        kill(self.pid)
        self.control.close()
        self.pipes.close_ours()


class Script:
    """The process's own side."""

    def __call__(self):
        main = new_main()
        sys.excepthook = show_error
        rehearse()
        header, code = receive()
        jailing.name(b"python3")
        forget_shadowed()
        main.__file__ = path = header["path"]
        sys.argv[:] = [path]
        Limits.set(header["rlimits"])
        pid = os.getpid()
        code = attempt(lambda: exec(compile(code, path, "exec", dont_inherit=True), main.__dict__))
        leave(code, pid)


def rehearse():
    """Touches the memory that a program will touch first, which is shared until then."""
    attempt(lambda: exec(compile("import sys\ndef f(x=0): return [x]\nf()", "", "exec", dont_inherit=True), {}))
    print(end="", flush=True)
    gc.collect()


def receive():
    """The request, or the end of this process if none comes."""
    with socket.socket(fileno=os.dup(CONTROL)) as control, control.makefile("rb") as stream:
        line = stream.readline()
        if not line:
            os._exit(0)
        header = json.loads(line)
        return header, stream.read(header["size"])


def attempt(program):
    """Runs it and gives the exit code that `python3` would."""
    try:
        program()
        return 0
    except SystemExit as error:
        if error.code is None or isinstance(error.code, int):
            return (error.code or 0) & 0xFF
        print(error.code, file=sys.stderr)
        return 1
    except BaseException as error:
        sys.excepthook(type(error), error, error.__traceback__)
        return 130 if isinstance(error, KeyboardInterrupt) else 1


def leave(code, pid):
    """Ends as the interpreter would, but for tearing down the warm modules, which takes 40 ms: threads are
    joined, exit functions run, the program's own objects are closed and collected, streams flushed.

    The worker hears of it before the kernel has torn the process down; of forks it does not.
    """
    try:
        threading._shutdown()
        atexit._run_exitfuncs()
        names = sys.modules["__main__"].__dict__
        for name in reversed([name for name in names if not name.startswith("__")]):
            names[name] = None
        gc.collect()
    except BaseException as error:
        sys.excepthook(type(error), error, error.__traceback__)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):
            code = code or 120  # as the interpreter does
    if os.getpid() == pid:
        say_done(code)
    os._exit(code)


def say_done(code):
    try:
        os.closerange(1, 3)  # the worker reads to the end of these
        os.write(CONTROL, b"%d\n" % code)
    except OSError:
        pass  # the program closed it: its death will tell


def new_main():
    """What the program imports is its own: not our modules."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "_turnstone"]:
        del sys.modules[name]
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed()  # forks share a seed otherwise; random does it itself
    main = sys.modules["__main__"] = type(sys)("__main__")
    main.__builtins__ = __builtins__
    sys.path.insert(0, workspace())
    return main


def forget_shadowed():
    """Nor a warm module that a file of its shadows."""
    shadowed = {name.removesuffix(".py") for name in os.listdir(workspace())}
    for name in [name for name in sys.modules if name.partition(".")[0] in shadowed]:
        del sys.modules[name]


def show_error(kind, error, trace):
    """The usual report of an uncaught error, without our own frames."""
    while trace and is_ours(trace.tb_frame.f_code.co_filename):
        trace = trace.tb_next
    sys.__excepthook__(kind, error.with_traceback(trace), trace)


def is_ours(path):
    return path.startswith(AGENT)
