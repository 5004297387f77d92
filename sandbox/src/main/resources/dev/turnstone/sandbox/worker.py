"""Runs one program inside a jail and reports what it did. Python 3.9 or newer, standard library only.

The worker is process 1 of its jail, so the program cannot signal it, and it is not dumpable, so the
program can neither read its memory nor open its descriptors. Frames go over stdin and stdout: a
count, then that many fields, each a 4-byte length and its bytes. The nonce that signs the answers
arrives after the fork, so it was never in the program's memory.
"""

# Modules written in C only: what signal, ctypes and json import would take most of a jail's start.
import _ctypes
import _signal as signal
import gc
import os
import resource
import select
import stat
import sys
import time

WORKSPACE = "/workspace"
FETCHABLE = ("/workspace/", "/tmp/")
CHUNK = 65536
GRACE = 0.2  # seconds to wait for output that a background process still holds open
PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4


def prctl(option, value):
    function = _ctypes.dlsym(_ctypes.dlopen(None, 0), "prctl")
    if _ctypes.call_function(function, (option, value, 0, 0, 0)) != 0:
        os._exit(3)


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


def read_number():
    return int.from_bytes(read_exactly(4), "big")


def receive():
    return [read_exactly(read_number()) for _ in range(read_number())]


def send(*fields):
    frame = bytearray(len(fields).to_bytes(4, "big"))
    for field in fields:
        data = field if isinstance(field, bytes) else str(field).encode()
        frame += len(data).to_bytes(4, "big") + data
    view = memoryview(frame)
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
    """A triple for each file found: its place in the request, whether it comes, content or why not."""
    answer = []
    for place, name in enumerate(names):
        found = fetch(os.fsdecode(name), limit)
        if isinstance(found, bytes):
            limit -= len(found)
            answer += [place, "fetched", found]
        elif found is not None:
            answer += [place, "refused", found]
    return answer


class Request:
    def __init__(self, language, program, options, code, stdin, file_count, *paths):
        self.language = language.decode()
        self.program = program.decode()
        self.options = dict(option.split("=") for option in options.decode().split())
        self.code = code
        self.stdin = stdin
        names = 2 * int(file_count)
        self.files = zip(paths[0:names:2], paths[1:names:2])
        self.fetch_files = paths[names:]

    def number(self, option):
        return int(self.options[option])


def restrict(request):
    for name in ("CORE", "NOFILE", "FSIZE", "NPROC", "CPU", "AS"):
        kind = getattr(resource, "RLIMIT_" + name)
        value, hard = request.number(name), resource.getrlimit(kind)[1]
        if hard != resource.RLIM_INFINITY:
            value = min(value, hard)
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
    prctl(PR_SET_DUMPABLE, 1)
    restrict(request)
    if request.language == "bash":
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        os.execv("/usr/bin/bash", ["bash", request.program])


def reap(pid, deadline):
    """Collects dead processes; the program's wait status if it was among them."""
    found = None
    while time.monotonic() < deadline:  # a fork bomb may never let them run out
        try:
            dead, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            break
        if dead == 0:
            break
        if dead == pid:
            found = status
    return found


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
        self.ended = self.ended or time.monotonic()
        kill_all()
        for fd, kept in self.outputs.items():
            self.drain(fd, kept, 64)  # what a killed program left in the pipe

    def step(self):
        status = reap(self.pid, self.deadline)
        if status is not None:
            self.status = status
            self.ended = time.monotonic()
            self.deadline = self.ended + GRACE
        left = self.deadline - time.monotonic()
        if left <= 0 or (self.status is not None and not self.outputs):
            return False
        for fd, _ in self.poll.poll(int(left * 1000) + 1):
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
        """The exit code, empty if it did not end by itself, and the seconds it ran."""
        code = "" if self.status is None else os.waitstatus_to_exitcode(self.status)
        return code, self.ended - self.started


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


def supervise(pid, pipes, request, nonce):
    pipes.close_program_ends()
    limit = request.number("output_limit")
    stdout, stderr = Kept(limit), Kept(limit)
    outputs = {pipes.stdout: stdout, pipes.stderr: stderr}
    send(nonce, "started")
    timeout = request.number("run_timeout_us") / 1e6
    run = Supervision(pid, pipes.wake, pipes.stdin, request.stdin, outputs, timeout)
    os.close(pipes.opener)
    run.run()
    files = fetch_all(request.fetch_files, request.number("fetch_limit"))
    send(nonce, "result", *run.result(), stdout.bytes(), stderr.bytes(), *files)


def serve():
    """Takes one request. Returns it in the forked child, the program; the worker never returns."""
    os.closerange(3, 256)
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)  # die with bubblewrap's outer process
    prctl(PR_SET_DUMPABLE, 0)
    send("ready", os.getpid())
    request = Request(*receive())
    nonce = b""
    try:
        for path, data in request.files:
            store(os.fsdecode(path), data)
        store(request.program, request.code)
        pipes = Pipes()
        gc.freeze()  # the child's exit need not collect what the worker made
        pid = os.fork()
        if pid == 0:
            os.close(pipes.opener)
            streams = (pipes.program_in, pipes.program_out, pipes.program_err)
            become_program(request, streams, pipes.gate)
            return request
        nonce = read_exactly(16)
        supervise(pid, pipes, request, nonce)
    except BaseException as error:
        if os.getpid() != 1:
            raise
        send(nonce or read_exactly(16), "error", f"{type(error).__name__}: {error}")
    os._exit(0)


def show_error(kind, error, trace):
    """The usual report of an uncaught error, without the worker's own frames."""
    ours = show_error.__code__.co_filename
    while trace and trace.tb_frame.f_code.co_filename == ours:
        trace = trace.tb_next
    sys.__excepthook__(kind, error.with_traceback(trace), trace)


request = serve()
main = type(sys)("__main__")
main.__file__ = request.program
main.__builtins__ = __builtins__
sys.modules["__main__"] = main
sys.argv[:] = [request.program]
sys.path.insert(0, WORKSPACE)
sys.excepthook = show_error
exec(compile(request.code, request.program, "exec", dont_inherit=True), main.__dict__)
