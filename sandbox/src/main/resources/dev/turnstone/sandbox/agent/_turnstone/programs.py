"""A Python program in a process that was forked from a warm interpreter."""

import atexit
import gc
import os
import sys
import threading

from .places import workspace


AGENT = os.path.dirname(os.path.dirname(__file__)) + "/"


class Script:
    """Runs as if by `python3 path`."""

    def __init__(self, path, code):
        self.path = path
        self.code = code

    def __call__(self):
        forget_ours()
        main = type(sys)("__main__")
        main.__file__ = self.path
        main.__builtins__ = __builtins__
        sys.modules["__main__"] = main
        sys.argv[:] = [self.path]
        sys.path.insert(0, workspace())
        sys.excepthook = show_error
        code, self.code = self.code, b""
        leave(attempt(lambda: exec(compile(code, self.path, "exec", dont_inherit=True), main.__dict__)))


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


def leave(code):
    """Ends as the interpreter would, but for tearing down the warm modules, which takes 40 ms: threads are
    joined, exit functions run, the program's own objects are closed and collected, streams flushed."""
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
    os._exit(code)


def forget_ours():
    """What the program imports is its own: not our modules, nor a warm one that a file of its shadows."""
    shadowed = {name.removesuffix(".py") for name in os.listdir(workspace())} | {"_turnstone"}
    for name in list(sys.modules):
        if name.partition(".")[0] in shadowed:
            del sys.modules[name]
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed()  # forks share a seed otherwise; random does it itself


def show_error(kind, error, trace):
    """The usual report of an uncaught error, without our own frames."""
    while trace and is_ours(trace.tb_frame.f_code.co_filename):
        trace = trace.tb_next
    sys.__excepthook__(kind, error.with_traceback(trace), trace)


def is_ours(path):
    return path.startswith(AGENT)
