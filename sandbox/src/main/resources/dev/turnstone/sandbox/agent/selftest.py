"""Tries to break out of the jail it runs in; prints a line per probe: its name and what it could do."""

import ctypes
import os
import platform
import socket
import time

libc = ctypes.CDLL(None, use_errno=True)
ARM = platform.machine() == "aarch64"


def calls(function, *arguments):
    """Whether a C function that answers -1 on failure succeeds."""
    return getattr(libc, function)(*arguments) != -1


def syscall(x86, arm, *arguments):
    return calls("syscall", arm if ARM else x86, *arguments)


def opens(path, flags=os.O_RDONLY):
    try:
        os.close(os.open(path, flags))
        return True
    except OSError:
        return False


def connects(family, address):
    try:
        with socket.socket(family, socket.SOCK_STREAM) as connection:
            connection.settimeout(1)
            connection.connect(address)
        return True
    except OSError:
        return False


def kills(pid):
    try:
        os.kill(pid, 9)
        time.sleep(0.05)
        return not os.path.exists(f"/proc/{pid}")
    except OSError:
        return False


def status(field):
    with open("/proc/self/status") as file:
        return next(line.split()[1] for line in file if line.startswith(field + ":"))


def shown(path):
    try:
        return set(os.listdir(path))
    except OSError:
        return set()


CLONE_NEWUSER = 0x10000000
params = ctypes.create_string_buffer(256)
PROBES = {
    "host files": {
        "read /etc/shadow": opens("/etc/shadow"),
        "see home folders": any(os.path.exists(p) for p in ("/root", "/home", "/var", "/run")),
        "see what makes jails": any(shown("/agent/" + p) for p in ("run", "egress", "cgroup/v2", "cgroup/memory")),
    },
    "read-only system": {
        "write /usr": opens("/usr/turnstone", os.O_WRONLY | os.O_CREAT),
        "write /": opens("/turnstone", os.O_WRONLY | os.O_CREAT),
        "write /dev": opens("/dev/turnstone", os.O_WRONLY | os.O_CREAT),
    },
    "kernel switches": {
        "write /proc/sys/kernel/core_pattern": opens("/proc/sys/kernel/core_pattern", os.O_WRONLY),
        "write /proc/sysrq-trigger": opens("/proc/sysrq-trigger", os.O_WRONLY),
    },
    "root": {
        "be root": os.getuid() == 0 or calls("setuid", 0),
    },
    "processes": {
        "see other processes": not {n for n in shown("/proc") if n.isdigit()} <= {"1", "2"},
    },
    "network": {
        "see other interfaces": {name for _, name in socket.if_nameindex()} != {"lo"},
        "reach the network": connects(socket.AF_INET, ("192.0.2.1", 80)),
        "open a vsock": connects(40, (2, 1)) or calls("socket", 40, 1, 0),
    },
    "worker": {
        "read its worker's memory": opens("/proc/1/mem"),
        "open its worker's descriptors": opens("/proc/1/fd/3", os.O_WRONLY),
        "kill its worker": kills(1),
    },
    "privileges": {
        "hold capabilities": int(status("CapEff"), 16) != 0 or int(status("CapBnd"), 16) != 0,
        "gain privileges": libc.prctl(39, 0, 0, 0, 0) != 1,
    },
    "seccomp": {
        "run without a seccomp filter": libc.prctl(21, 0, 0, 0, 0) != 2,
        "use keyrings": syscall(250, 219, 0, -5, 0),
        "use io_uring": syscall(425, 425, 1, params),
        "use bpf": syscall(321, 280, 0, params, 72),
        "make anonymous memory files": syscall(319, 279, b"x", 0),
    },
    "namespaces": {
        "make a user namespace": calls("unshare", CLONE_NEWUSER),
        "raise the number of namespaces": opens("/proc/sys/user/max_user_namespaces", os.O_WRONLY),
    },
    "mounts": {
        "mount": calls("mount", b"none", b"/tmp", b"tmpfs", 0, None),
        "unmount": calls("umount2", b"/agent", 2),
    },
    "tracing": {"trace": calls("ptrace", 16, 1, 0, 0)},
}
for name, escapes in PROBES.items():
    print(f"{name}: {'; '.join(escape for escape, escaped in escapes.items() if escaped)}")
print("done")
