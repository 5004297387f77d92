"""Runs one program inside a jail and reports what it did. Python 3.9 or newer, standard library only.

The worker is process 1 of its jail, so the program cannot signal it, and it is not dumpable, so the
program can neither read its memory nor open its descriptors. Frames go over stdin and stdout: a
4-byte length, a JSON header, then the bytes that the header announces. The nonce that signs the
answers arrives after the fork, so it was never in the program's memory.
"""

import ctypes
import json
import os
import resource
import select
import signal
import stat
import struct
import sys
import time
import types

# Imported only so that the forked program finds them loaded.
import collections, functools, heapq, itertools, math, random, re, string  # noqa

WORKSPACE = "/workspace"
FETCHABLE = ("/workspace/", "/tmp/")
CHUNK = 65536
GRACE = 0.2  # seconds to wait for output that a background process still holds open
PR_SET_DUMPABLE = 4
prctl = ctypes.CDLL(None).prctl


class Kept:
    """The first and the last bytes of a stream; what lies between is counted."""

    def __init__(self, limit):
        self.half = limit // 2
        self.head = bytearray()
        self.tail = bytearray()
        self.total = 0

    def add(self, data):
        self.total += len(data)
        room = self.half - len(self.head)
        self.head += data[:room]
        self.tail += data[room:]
        if len(self.tail) > 2 * self.half:
            del self.tail[: -self.half]

    def bytes(self):
        tail = self.tail[-self.half :]
        left_out = self.total - len(self.head) - len(tail)
        gap = b"\n[sandbox: %d bytes left out]\n" % left_out if left_out else b""
        return bytes(self.head + gap + tail)


def read_exactly(size):
    data = bytearray()
    while len(data) < size:
        part = os.read(0, min(size - len(data), 1 << 20))
        if not part:
            os._exit(0)  # the service is gone
        data += part
    return bytes(data)


def send(header, *blobs):
    head = json.dumps(header).encode()
    for data in (struct.pack(">I", len(head)) + head, *blobs):
        view = memoryview(data)
        while view:
            view = view[os.write(1, view) :]


def store(path, data):
    path = os.path.join(WORKSPACE, path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(data)


def fetch(name, limit):
    """The bytes of a regular file, None where there is none, or a str that says why not."""
    try:
        path = os.path.realpath(os.path.join(WORKSPACE, name))
        if not path.startswith(FETCHABLE):
            return None
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    except (OSError, ValueError):  # ValueError: not a name at all
        return None
    status = os.fstat(fd)
    if not stat.S_ISREG(status.st_mode):
        os.close(fd)
        return None
    with open(fd, "rb") as file:
        if status.st_size > limit:
            return f"{status.st_size} bytes are more than the {limit} that may still be fetched"
        return file.read(limit)


def fetch_all(names, limit):
    files, refused, blobs = [], [], []
    for name in names:
        found = fetch(name, limit)
        if isinstance(found, str):
            refused.append([name, found])
        elif found is not None:
            limit -= len(found)
            files.append([name, len(found)])
            blobs.append(found)
    return files, refused, blobs


def restrict(limits):
    for name in ("CORE", "NOFILE", "FSIZE", "NPROC", "CPU", "AS"):
        kind = getattr(resource, "RLIMIT_" + name)
        hard = resource.getrlimit(kind)[1]
        value = limits[name] if hard == resource.RLIM_INFINITY else min(limits[name], hard)
        resource.setrlimit(kind, (value, value))


def become_program(request, streams, gate):
    """In the forked child: sheds everything of the worker and waits for the gate."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    for target, fd in enumerate(streams):
        os.dup2(fd, target)
    os.read(gate, 1)
    os.closerange(3, 256)
    restrict(request["limits"])
    prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)
    if request["language"] == "bash":
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        os.execv("/usr/bin/bash", ["bash", request["program"]])


def reap(pid):
    """Collects dead processes; the program's wait status if it was among them."""
    for _ in range(1000):
        try:
            dead, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return None
        if dead == 0:
            return None
        if dead == pid:
            return status
    return None


def kill_all():
    try:
        os.kill(-1, signal.SIGKILL)  # as process 1: everyone but us
    except ProcessLookupError:
        pass


class Supervision:
    """One program from its start to its end: feeds stdin, drains stdout and stderr, keeps time."""

    def __init__(self, pid, wake, stdin_fd, stdin, outputs, timeout):
        self.pid = pid
        self.wake = wake
        self.stdin = memoryview(stdin)
        self.stdin_fd = stdin_fd
        self.outputs = outputs
        self.started = time.monotonic()
        self.deadline = self.started + timeout
        self.status = None
        self.ended = None
        self.poll = select.poll()
        for fd in (wake, *outputs):
            self.poll.register(fd, select.POLLIN)
        self.poll.register(0, 0)  # hung up when the service is gone
        self.poll.register(stdin_fd, select.POLLOUT)
        self.feed()

    def run(self):
        while self.step():
            pass
        kill_all()
        for fd, kept in self.outputs.items():
            self.drain(fd, kept, 64)  # what a killed program left in the pipe

    def step(self):
        if self.status is None:
            self.status = reap(self.pid)
            if self.status is not None:
                self.ended = time.monotonic()
                self.deadline = self.ended + GRACE
        else:
            reap(self.pid)
        left = self.deadline - time.monotonic()
        if left <= 0 or (self.status is not None and not self.outputs):
            return False
        for fd, event in self.poll.poll(int(left * 1000) + 1):
            self.on(fd)
        return True

    def on(self, fd):
        if fd == self.wake:
            os.read(fd, CHUNK)
        elif fd == 0:
            os._exit(0)
        elif fd == self.stdin_fd:
            self.feed()
        elif not self.drain(fd, self.outputs[fd], 1):
            self.poll.unregister(fd)
            del self.outputs[fd]

    def feed(self):
        try:
            while self.stdin:
                self.stdin = self.stdin[os.write(self.stdin_fd, self.stdin[: 1 << 20]) :]
        except BlockingIOError:
            return
        except BrokenPipeError:
            pass
        self.poll.unregister(self.stdin_fd)
        os.close(self.stdin_fd)
        self.stdin_fd = -1

    def drain(self, fd, kept, times):
        """False at the end of the stream."""
        try:
            for _ in range(times):
                data = os.read(fd, CHUNK)
                if not data:
                    return False
                kept.add(data)
        except BlockingIOError:
            pass
        return True

    def result(self):
        timed_out = self.status is None
        return {
            "timed_out": timed_out,
            "execution_time": (self.ended or time.monotonic()) - self.started,
            "return_code": None if timed_out else os.waitstatus_to_exitcode(self.status),
        }


class Pipes:
    """The program's three streams, the signal that it died and the gate that lets it start."""

    def __init__(self):
        self.program_in, self.stdin = os.pipe()
        self.stdout, self.program_out = os.pipe()
        self.stderr, self.program_err = os.pipe()
        self.gate, self.opener = os.pipe()
        self.wake, wake_in = os.pipe()
        for fd in (self.stdin, self.stdout, self.stderr, self.wake, wake_in):
            os.set_blocking(fd, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wake_in, warn_on_full_buffer=False)

    def close_program_ends(self):
        for fd in (self.program_in, self.program_out, self.program_err, self.gate):
            os.close(fd)


def supervise(pid, pipes, request, stdin, nonce):
    pipes.close_program_ends()
    stdout, stderr = Kept(request["output_limit"]), Kept(request["output_limit"])
    outputs = {pipes.stdout: stdout, pipes.stderr: stderr}
    send({"nonce": nonce, "started": True})
    run = Supervision(pid, pipes.wake, pipes.stdin, stdin, outputs, request["run_timeout"])
    os.close(pipes.opener)
    run.run()
    files, refused, blobs = fetch_all(request["fetch_files"], request["fetch_limit"])
    out, err = stdout.bytes(), stderr.bytes()
    result = {"nonce": nonce, "stdout": len(out), "stderr": len(err), "files": files}
    send({**result, "refused": refused, **run.result()}, out, err, *blobs)


def serve():
    """Takes one request. Returns the program in the forked child; the worker itself never returns."""
    os.closerange(3, 256)
    if prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0:
        os._exit(3)
    send({"ready": os.getpid()})
    request = json.loads(read_exactly(struct.unpack(">I", read_exactly(4))[0]))
    code = read_exactly(request["code"])
    stdin = read_exactly(request["stdin"])
    nonce = ""
    try:
        for path, size in request["files"]:
            store(path, read_exactly(size))
        store(request["program"], code)
        pipes = Pipes()
        pid = os.fork()
        if pid == 0:
            streams = (pipes.program_in, pipes.program_out, pipes.program_err)
            os.close(pipes.opener)
            become_program(request, streams, pipes.gate)
            return request["program"], code
        nonce = read_exactly(16).hex()
        supervise(pid, pipes, request, stdin, nonce)
    except BaseException as error:
        if os.getpid() != 1:
            raise
        send({"nonce": nonce or read_exactly(16).hex(), "error": f"{type(error).__name__}: {error}"})
    os._exit(0)


def show_error(kind, error, trace):
    """The usual report of an uncaught error, without the worker's own frames."""
    while trace and trace.tb_frame.f_code.co_filename == __file__:
        trace = trace.tb_next
    sys.__excepthook__(kind, error.with_traceback(trace), trace)


path, code = serve()
main = types.ModuleType("__main__")
main.__file__ = path
main.__builtins__ = __builtins__
sys.modules["__main__"] = main
sys.argv[:] = [path]
sys.path.insert(0, WORKSPACE)
sys.excepthook = show_error
exec(compile(code, path, "exec", dont_inherit=True), main.__dict__)
