"""Process 1 of bubblewrap's namespaces: a Python that forks jails instead of starting them.

The service connects to its socket once per jail and sends what the jail shall be. The fork of the
fork that answers is process 1 of the jail and its worker. On stdin the service names workers to
kill; when stdin ends, the zygote leaves and the kernel ends every jail with it.
"""

import gc
import importlib
import os
import select
import signal
import socket

from . import egress, jailing, worker
from .frames import Connection

# What programs import most: each is there without its price when a program asks for it.
WARM = """
abc ast base64 bisect calendar cmath collections contextlib copy csv dataclasses datetime decimal
enum fractions functools hashlib heapq inspect io itertools json math numbers operator os pathlib
pickle platform queue random re shutil statistics string struct subprocess sys tempfile textwrap
threading time traceback types typing unittest uuid numpy
"""


def warm():
    for name in WARM.split():
        try:
            importlib.import_module(name)
        except ImportError:
            pass  # numpy is not everywhere


def reap():
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def obey(command):
    """`kill PID …`, numbers as this namespace counts."""
    for pid in command.split()[1:]:
        try:
            os.kill(int(pid), signal.SIGKILL)
        except ProcessLookupError:
            pass


class Commands:
    """The service's lines on stdin."""

    def __init__(self):
        self.rest = b""

    def read(self):
        data = os.read(0, 65536)
        if not data:
            os._exit(0)
        *lines, self.rest = (self.rest + data).split(b"\n")
        for line in lines:
            obey(line.decode())


def serve(path, cgroups):
    """Forks a jail per connection; returns only in a program, with what it shall run.

    cgroups: folder of the slots' cgroups, empty if there are none.
    """
    jailing.prctl(jailing.PR_SET_PDEATHSIG, signal.SIGKILL)  # die with bubblewrap's outer process
    jailing.prctl(jailing.PR_SET_DUMPABLE, 0)
    seccomp = jailing.read_filter("/agent/filter.bpf")
    warm()
    gc.collect()
    gc.freeze()
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(4096)
    wake, wake_in = os.pipe()
    for fd in (wake, wake_in):
        os.set_blocking(fd, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake_in, warn_on_full_buffer=False)
    commands = Commands()
    poll = select.poll()
    for fd in (0, wake, listener.fileno()):
        poll.register(fd, select.POLLIN)
    os.write(1, b"listening\n")
    while True:
        for fd, _ in poll.poll():
            if fd == 0:
                commands.read()
            elif fd == wake:
                os.read(wake, 65536)
                reap()
            else:
                connection = listener.accept()[0]
                if os.fork() == 0:
                    os.dup2(connection.fileno(), 3, inheritable=False)
                    os.closerange(4, max(64, connection.fileno() + 1))
                    connection.detach()
                    return jail(Connection(3, 3), seccomp, cgroups)
                connection.close()


def jail(connection, seccomp, cgroups):
    """In the forked child: builds the jail, whose process 1 is the worker."""
    signal.set_wakeup_fd(-1)
    try:
        wish, _ = connection.receive()
        way_out = egress.start(wish["egress"]) if "egress" in wish else None
        jailing.join_cgroup(f"{cgroups}/{name}" for name in wish["cgroups"])
        outside, told = os.pipe()
        jailing.leave_namespaces()
        pid = os.fork()
        if pid:
            os.write(told, b"%d" % pid)
            os._exit(0)
        own_pid = int(os.read(outside, 20))
        os.close(outside)
        os.close(told)
        os.setsid()
        jailing.furnish(wish["sizes"])
        if way_out:
            egress.open_in_jail(way_out)
        os.chdir("/workspace")
        null = os.open("/dev/null", os.O_RDWR)
        for fd in range(3):
            os.dup2(null, fd)
        os.close(null)
        jailing.give_up_privileges(seccomp)
    except BaseException as error:
        connection.send({"lost": f"{type(error).__name__}: {error}"})
        os._exit(1)
    connection.send({"ready": os.getpid() == 1, "pid": own_pid})
    return worker.serve(connection)
