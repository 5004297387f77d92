"""A Python process whose cells share their variables, as a Jupyter kernel's do."""

import ast
import base64
import io
import json
import os
import re
import signal
import socket
import sys
import time
import traceback
import types

from . import programs
from .processes import CONTROL, Kept, Supervision, become, drain, kill

INTERRUPTED = 1.0  # seconds that a cell has to end after its interrupt


class Kernel:
    """The worker's side."""

    def __init__(self, children, pid, control, stdout, stderr):
        self.children = children
        self.pid = pid
        self.control = control
        self.stdout = stdout
        self.stderr = stderr
        self.killed = False  # for good, though a busy machine may take a while to end it

    @staticmethod
    def start(children, limits, start_program):
        ours, theirs = socket.socketpair()
        stdout, out = os.pipe()
        stderr, err = os.pipe()
        for fd in (stdout, stderr):
            os.set_blocking(fd, False)
        pid = children.fork()
        if pid == 0:
            null = os.open("/dev/null", os.O_RDONLY)
            become((null, out, err), theirs.detach())
            limits.apply()
            raise start_program(Cells())
        theirs.close()
        os.close(out)
        os.close(err)
        ours.setblocking(False)
        return Kernel(children, pid, ours.detach(), stdout, stderr)

    def alive(self):
        return not self.killed and self.children.alive(self.pid)

    def run(self, connection, header, fields):
        """Runs cells until all have run, time is up or the process has died."""
        started = time.monotonic()
        limits = Timed(header)
        answers, blobs = [], []
        over_memory = False
        for place in range(len(header["cells"])):
            left = started + header["limits"]["wall"] - time.monotonic()
            limits.wall = min(left, header["cell_wall"] or left)
            stdout, stderr = Kept(limits.output), Kept(limits.output)
            answer, over = self.cell(connection, fields[place], limits, stdout, stderr)
            over_memory |= over
            answer["left_out"] = [stdout.left_out(), stderr.left_out()]
            answers.append(answer)
            blobs += [stdout.bytes(), stderr.bytes()]
            if answer["died"] or time.monotonic() - started >= header["limits"]["wall"]:
                break
        seconds = time.monotonic() - started
        timed_out = seconds >= header["limits"]["wall"]
        state = {"cells": answers, "seconds": seconds, "timed_out": timed_out}
        return {**state, "over_memory": over_memory, "died": any(answer["died"] for answer in answers), "files": []}, blobs

    def cell(self, connection, code, limits, stdout, stderr):
        outputs = {self.stdout: stdout, self.stderr: stderr}
        run = Supervision(self.children, connection, self.pid, outputs, limits)
        run.ends_with(self.control)
        run.feed_and_keep(self.control, json.dumps(code.decode()).encode() + b"\n")
        run.run()
        reply = run.signalled
        over_memory, died = run.over_memory, run.status is not None
        timed_out = not reply.strip() and not died and not over_memory
        if timed_out:
            reply, died = self.interrupt(connection, outputs, limits)
        elif over_memory:
            self.children.kill_all()
            self.killed = died = True
        drain(self.stdout, stdout, 64)
        drain(self.stderr, stderr, 64)
        answer = read_reply(reply)
        answer["died"] = died or not self.alive()
        return answer, over_memory

    def interrupt(self, connection, outputs, limits):
        """KeyboardInterrupt first; what is deaf to it is killed."""
        kill(self.pid, signal.SIGINT)
        limits.wall = INTERRUPTED
        again = Supervision(
            self.children, connection, self.pid, outputs, limits, cancellable=False
        )
        again.ends_with(self.control)
        again.run()
        if again.signalled.strip():
            return again.signalled, False
        self.children.kill_session(self.pid)
        self.killed = True
        return b"", True


class Timed:
    """The limits of a cell: those of the request, with time of its own."""

    def __init__(self, header):
        self.wall = 0
        self.output = header["limits"]["output"]
        self.memory = header["limits"]["memory"]


def read_reply(reply):
    """From a process that the program shares: anything may come."""
    try:
        answer = json.loads(reply)
        display, error = answer["display"], answer["error"]
        if isinstance(display, list) and isinstance(error, list):
            return {"display": display, "error": error}
    except (ValueError, TypeError, KeyError):
        pass
    return {"display": [], "error": []}


class Cells:
    """The kernel's side: reads cells, runs them, answers what they displayed and raised."""

    def __call__(self):
        self.names = programs.new_main().__dict__
        programs.forget_shadowed()
        sys.argv[:] = [""]
        self.names["display"] = self.display
        self.count = 0
        self.shown = []
        self.install_plots()
        requests = os.fdopen(CONTROL, "rb", closefd=False)
        for line in requests:
            self.shown, errors = [], []
            try:
                self.run(json.loads(line))
            except BaseException as error:
                errors.append(described(error))
            flush()
            reply = json.dumps({"display": self.shown, "error": errors}).encode() + b"\n"
            while reply:
                reply = reply[os.write(CONTROL, reply) :]

    def run(self, text):
        self.count += 1
        name = f"<cell {self.count}>"
        module = ast.parse(without_magics(text), name)
        # Lets tracebacks show the cell's lines.
        lines = text.splitlines(keepends=True)
        sys.modules["linecache"].cache[name] = (len(text), None, lines, name)
        last = module.body.pop() if module.body and isinstance(module.body[-1], ast.Expr) else None
        exec(compile(module, name, "exec", dont_inherit=True), self.names)
        if last is not None:
            value = eval(compile(ast.Expression(last.value), name, "eval"), self.names)
            if value is not None:
                self.names["_"] = value
                self.display(value)
        self.show_plots()

    def display(self, *values):
        for value in values:
            self.shown.append(bundle(value))

    def install_plots(self):
        """matplotlib, if a cell imports it, draws into the cell's displays."""
        os.environ["MPLBACKEND"] = "module://turnstone_plots"
        backend = types.ModuleType("turnstone_plots")

        def canvas(name):
            if name != "FigureCanvas":
                raise AttributeError(name)
            # matplotlib asks once, then looks at what the module holds.
            backend.FigureCanvas = __import__("matplotlib.backends.backend_agg", fromlist=["x"]).FigureCanvasAgg
            return backend.FigureCanvas

        backend.__getattr__ = canvas
        backend.show = lambda *_, **__: self.show_plots()
        sys.modules["turnstone_plots"] = backend

    def show_plots(self):
        pyplot = sys.modules.get("matplotlib.pyplot")
        if pyplot is None:
            return
        for number in pyplot.get_fignums():
            figure = pyplot.figure(number)
            image = io.BytesIO()
            figure.savefig(image, format="png", bbox_inches="tight")
            self.shown.append(
                {"image/png": base64.b64encode(image.getvalue()).decode(), "text/plain": repr(figure)}
            )
        pyplot.close("all")


def flush():
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):
            pass  # the program's own doing: closed or replaced


RICH = {
    "text/html": "_repr_html_",
    "text/markdown": "_repr_markdown_",
    "text/latex": "_repr_latex_",
    "image/svg+xml": "_repr_svg_",
    "image/png": "_repr_png_",
}


def bundle(value):
    shown = {"text/plain": repr(value)}
    for kind, name in RICH.items():
        rich = getattr(type(value), name, None)
        content = rich(value) if rich else None
        if isinstance(content, bytes):
            content = base64.b64encode(content).decode()
        if isinstance(content, str):
            shown[kind] = content
    return shown


def described(error):
    trace = error.__traceback__
    while trace and programs.is_ours(trace.tb_frame.f_code.co_filename):
        trace = trace.tb_next
    lines = traceback.format_exception(type(error), error, trace)
    return {"ename": type(error).__name__, "evalue": str(error), "traceback": lines}


def without_magics(text):
    """`!command` runs in a shell; `%matplotlib inline` is what happens anyway."""
    if not re.search(r"^\s*[!%]", text, re.MULTILINE):
        return text
    lines = []
    for line in text.splitlines():
        match = re.match(r"(\s*)!(.*)", line)
        if match:
            line = f"{match[1]}__import__('os').system({match[2]!r})" + ";None"
        elif re.match(r"\s*%matplotlib\b", line):
            line = ""
        lines.append(line)
    return "\n".join(lines)
