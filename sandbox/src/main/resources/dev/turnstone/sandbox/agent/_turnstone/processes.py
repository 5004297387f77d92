"""Child processes of a worker: started with limits, fed, drained, timed, and their memory watched."""

import contextlib
import errno
import os
import resource
import select
import signal
import time

from . import jailing

CHUNK = 65536
CONTROL = 100  # where a kernel and its worker talk
REPLY = 16 << 20  # bytes that a kernel may say of one cell
DEATH = 2.0  # seconds for the kernel to end what was killed: a fork bomb, on a busy machine
GRACE = 0.2  # seconds to wait for output that a background process still holds open
MOMENT = 0.01  # seconds within which an answer need not be announced
WATCH = 0.05  # seconds between two looks at the jail's memory
PAGE = os.sysconf("SC_PAGE_SIZE")
FILE_SYSTEMS = ["/workspace", "/tmp", "/dev/shm"]  # none where they are not ours alone
ENVIRONMENT = dict(os.environ)
DROP = ["--clear-groups", "--bounding-set=-all"]
USER = []  # the uid that programs get, where the worker has another


def drop_user():
    for uid in USER:
        jailing.drop_bounds()
        os.setgroups([])
        os.setgid(uid)
        os.setuid(uid)


@contextlib.contextmanager
def as_user():
    """What is stored meanwhile belongs to the programs."""
    for uid in USER:
        os.setegid(uid)
        os.seteuid(uid)
    try:
        yield
    finally:
        if USER:
            os.seteuid(os.getuid())
            os.setegid(os.getgid())


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

    def left_out(self):
        return max(0, self.total - 2 * self.half)

    def bytes(self):
        tail = self.tail[-self.half :] if self.half else b""
        left_out = self.left_out()
        gap = b"\n[sandbox: %d bytes left out]\n" % left_out if left_out else b""
        return bytes(self.head + gap + tail)


class Passed:
    """A stream that goes on as it comes."""

    def __init__(self, forward):
        self.add = forward

    def bytes(self):
        return b""

    def left_out(self):
        return 0


class Children:
    """All children of this worker, which as process 1 inherits every orphan of its jail."""

    def __init__(self):
        self.statuses = {}
        self.wake, wake_in = os.pipe()
        for fd in (self.wake, wake_in):
            os.set_blocking(fd, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wake_in, warn_on_full_buffer=False)

    def fork(self):
        """0 in the child. If the jail's processes leave no room for one, all of them are killed."""
        try:
            pid = os.fork()
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.ENOMEM):
                raise
            self.kill_all()
            self.await_none()
            pid = os.fork()
        if pid:
            self.statuses[pid] = None
        return pid

    def spawn(self, command, environment, streams, others=()):
        """Starts a program in a process group of its own; OSError says why not.

        others: further descriptors that it gets, as pairs of its number and ours
        """
        targets = [*enumerate(streams), *others]
        # Through high numbers, as one of ours may lie where another belongs.
        actions = [(os.POSIX_SPAWN_DUP2, fd, 200 + target) for target, fd in targets]
        for target, _ in targets:
            actions.append((os.POSIX_SPAWN_DUP2, 200 + target, target))
            actions.append((os.POSIX_SPAWN_CLOSE, 200 + target))

        if USER:
            command = ["/usr/bin/setpriv", f"--reuid={USER[0]}", f"--regid={USER[0]}", *DROP, *command]

        def start():
            return os.posix_spawnp(
                command[0],
                command,
                {**ENVIRONMENT, **environment},
                file_actions=actions,
                setsid=True,
                setsigdef=[signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT, signal.SIGQUIT],
            )

        try:
            pid = start()
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.ENOMEM):
                raise
            self.kill_all()
            self.await_none()
            pid = start()
        self.statuses[pid] = None
        return pid

    def failed(self, code):
        """Stands for a program that could not be started."""
        self.statuses[-code] = code << 8
        return -code

    def reap(self, deadline):
        """Whether there may be children left."""
        while time.monotonic() < deadline:  # a fork bomb may never let them run out
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            if pid in self.statuses:
                self.statuses[pid] = status
        return True

    def alive(self, pid):
        self.reap(time.monotonic() + 0.1)
        return pid in self.statuses and self.statuses[pid] is None

    def kill_all(self):
        """As process 1: everyone but us."""
        try:
            os.kill(-1, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.reap(time.monotonic() + 0.1)

    def await_none(self):
        """Until the kernel has ended all that were killed: as process 1 we inherit every one."""
        deadline = time.monotonic() + DEATH
        while self.reap(deadline) and time.monotonic() < deadline:
            time.sleep(0.001)

    def kill_session(self, pid):
        """A child with its process group, and its descendants that made groups of their own."""
        for member in [*descendants(pid), pid]:
            kill(member)
        deadline = time.monotonic() + DEATH
        try:
            while time.monotonic() < deadline:
                os.killpg(pid, signal.SIGKILL)
                self.reap(deadline)
                time.sleep(0.001)
        except (ProcessLookupError, PermissionError):
            pass  # none is left


def kill(pid, number=signal.SIGKILL):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def pids():
    """All processes of our user but ourselves: without a namespace of our own there are others."""
    return [int(name) for name in os.listdir("/proc") if name.isdigit() and is_of_ours(name)]


def is_of_ours(pid):
    try:
        with open(f"/proc/{pid}/status") as file:
            uid = next(line.split()[1] for line in file if line.startswith("Uid:"))
        return int(uid) == (USER or [os.getuid()])[0] and int(pid) != os.getpid()
    except OSError:
        return False


def parents():
    found = {}
    for pid in pids():
        try:
            with open(f"/proc/{pid}/stat", "rb") as file:
                found[pid] = int(file.read().rsplit(b")", 1)[1].split()[1])
        except OSError:
            pass
    return found


def descendants(pid):
    family = {pid}
    for other, parent in sorted(parents().items()):
        if parent in family:
            family.add(other)
    return sorted(family - {pid})


def resident(pid):
    """Memory of a process that is no file's, shared pages counted in full."""
    try:
        with open(f"/proc/{pid}/statm", "rb") as file:
            _, resident_pages, shared, *_ = map(int, file.read().split())
        return (resident_pages - shared) * PAGE
    except OSError:
        return 0


def proportional(pid):
    """The same with shared pages divided by those who share them; slower."""
    try:
        with open(f"/proc/{pid}/smaps_rollup", "rb") as file:
            for line in file:
                if line.startswith(b"Pss_Anon:"):
                    return int(line.split()[1]) << 10
    except OSError:
        pass
    return resident(pid)


def in_files():
    used = 0
    for path in FILE_SYSTEMS:
        try:
            status = os.statvfs(path)
            used += (status.f_blocks - status.f_bfree) * status.f_frsize
        except OSError:
            pass
    return used


def uses_more_than(limit):
    used = in_files()
    if used + sum(map(resident, pids())) <= limit:
        return False
    return used + sum(map(proportional, pids())) > limit


class Limits:
    """What a command may use: `wall`, `output`, `memory` (0: a cgroup counts it), and rlimits by name."""

    def __init__(self, values):
        self.wall = values["wall"]
        self.output = values["output"]
        self.memory = values["memory"]
        self.rlimits = values["rlimits"]

    def apply(self):
        self.set(self.rlimits)

    @staticmethod
    def set(rlimits):
        for name, value in rlimits.items():
            kind = getattr(resource, "RLIMIT_" + name)
            hard = resource.getrlimit(kind)[1]
            if hard != resource.RLIM_INFINITY:
                value = min(value, hard)
            resource.setrlimit(kind, (value, value))


def become(streams, control=None):
    """In a forked child: sheds everything of the worker, but for one descriptor that becomes CONTROL."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    for target, fd in enumerate(streams):
        os.dup2(fd, target)
    if control is not None:
        os.dup2(control, CONTROL, inheritable=False)
        os.closerange(3, CONTROL)
    os.closerange(3 if control is None else CONTROL + 1, 1024)
    offer_to_oom_killer()
    drop_user()
    jailing.prctl(jailing.PR_SET_DUMPABLE, 1)


def offer_to_oom_killer():
    try:
        with open("/proc/self/oom_score_adj", "w") as file:
            file.write("1000")
    except OSError:
        pass  # only less protective of the worker


class Pipes:
    """A child's three streams, ours not blocking."""

    def __init__(self):
        self.child_in, self.stdin = os.pipe()
        self.stdout, self.child_out = os.pipe()
        self.stderr, self.child_err = os.pipe()
        for fd in (self.stdin, self.stdout, self.stderr):
            os.set_blocking(fd, False)

    def theirs(self):
        return self.child_in, self.child_out, self.child_err

    def close_theirs(self):
        for fd in self.theirs():
            os.close(fd)

    def close_ours(self):
        for fd in (self.stdin, self.stdout, self.stderr):
            os.close(fd)


class Supervision:
    """A child until it is done or out of time: feeds stdin, drains its outputs, watches memory.

    done: what says, beside the child's death, that it is done; called with what fd brought.
    """

    def __init__(self, children, connection, pid, outputs, limits, started=None, cancellable=True):
        self.children = children
        self.cancelled = False
        self.pid = pid
        self.outputs = dict(outputs)
        self.limits = limits
        self.stdin, self.stdin_fd = memoryview(b""), -1
        self.signal_fd, self.signalled = -1, b""
        self.exit_fd = -1
        self.waits = None
        self.started = started or time.monotonic()
        self.deadline = self.started + limits.wall
        self.look = self.started + WATCH
        self.status = self.ended = None
        self.over_memory = False
        self.poll = select.poll()
        self.connection_fd = connection.read_fd
        if cancellable:
            connection.take_nonce()
        # Hung up when the service is gone.
        self.poll.register(self.connection_fd, select.POLLIN if cancellable else 0)
        for fd in (children.wake, *self.outputs):
            self.poll.register(fd, select.POLLIN)

    def feed_with(self, fd, data):
        self.stdin, self.stdin_fd = memoryview(data), fd
        self.poll.register(fd, select.POLLOUT)
        self.feed()

    def feed_and_keep(self, fd, data):
        """Feeds a copy: the stream stays open for what follows."""
        copy = os.dup(fd)
        os.set_blocking(copy, False)
        self.feed_with(copy, data)

    def ends_with(self, fd):
        """Bytes on this descriptor up to a newline end the supervision."""
        self.signal_fd = fd
        self.poll.register(fd, select.POLLIN)

    def exits_with(self, fd):
        """An exit code and a newline on this descriptor are the child's end."""
        self.exit_fd = fd
        self.poll.register(fd, select.POLLIN)

    def on_wait(self, action):
        """Done once if the child takes longer than a moment."""
        self.waits = action

    def run(self):
        while self.step():
            pass
        self.ended = self.ended or time.monotonic()
        if self.stdin_fd >= 0:
            os.close(self.stdin_fd)
        return self

    def step(self):
        now = time.monotonic()
        self.children.reap(self.deadline)
        if self.status is None and self.children.statuses.get(self.pid) is not None:
            self.end(self.children.statuses.pop(self.pid), now)
        if self.deadline <= now or (self.status is not None and not self.outputs):
            return False
        if self.cancelled or self.signalled.endswith(b"\n"):
            return False
        if self.limits.memory and self.look <= now and self.watch():
            return False
        left = self.deadline - now
        if self.waits:
            left = min(left, self.started + MOMENT - now)
            if left <= 0:
                self.waits()
                self.waits = None
                return True
        if self.limits.memory:
            left = min(left, max(self.look - now, 0.001))
        for fd, event in self.poll.poll(int(left * 1000) + 1):
            self.on(fd, event)
        return True

    def end(self, status, now):
        self.status = status
        self.ended = now
        self.deadline = now + GRACE

    def watch(self):
        self.over_memory = uses_more_than(self.limits.memory)
        now = time.monotonic()
        self.look = now + WATCH
        return self.over_memory

    def on(self, fd, event):
        if fd == self.children.wake:
            os.read(fd, CHUNK)
        elif fd == self.connection_fd:
            if event & ~select.POLLIN:
                os._exit(0)
            self.cancelled = True  # whoever serves next reads it
        elif fd == self.stdin_fd:
            self.feed()
        elif fd == self.exit_fd:
            self.poll.unregister(fd)
            code = exit_code(fd)
            if self.status is None and code is not None:
                self.end(code << 8, time.monotonic())
        elif fd == self.signal_fd:
            try:
                data = os.read(fd, CHUNK)
            except ConnectionError:
                data = b""  # it was killed with something unread
            self.signalled += data
            if not data:
                self.poll.unregister(fd)  # its end is close: the child's death will tell
            elif len(self.signalled) > REPLY:
                kill(self.pid)
        elif not drain(fd, self.outputs[fd], 1):
            self.poll.unregister(fd)
            del self.outputs[fd]

    def feed(self):
        try:
            while self.stdin:
                self.stdin = self.stdin[os.write(self.stdin_fd, self.stdin[: 1 << 20]) :]
        except BlockingIOError:
            return
        except ConnectionError:
            pass
        self.poll.unregister(self.stdin_fd)
        os.close(self.stdin_fd)
        self.stdin_fd = -1

    def drain_rest(self):
        """What a killed child left in its pipes."""
        for fd, kept in self.outputs.items():
            drain(fd, kept, 64)

    def result(self):
        code = None if self.status is None else os.waitstatus_to_exitcode(self.status)
        if self.over_memory:
            code = -signal.SIGKILL
        return {
            "code": code,
            "seconds": self.ended - self.started,
            "over_memory": self.over_memory,
        }


def exit_code(fd):
    """From a process that the program shares: anything may come. None for what is none."""
    try:
        return int(os.read(fd, 16)) & 0xFF
    except (OSError, ValueError):
        return None


def drain(fd, kept, times):
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
