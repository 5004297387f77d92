"""Tries to break out of the jail it runs in; prints "isolated" or, a line each, what it could do."""

import ctypes
import os
import platform
import socket

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
ESCAPES = {
    "write /proc/sys/kernel/core_pattern": opens("/proc/sys/kernel/core_pattern", os.O_WRONLY),
    "write /proc/sysrq-trigger": opens("/proc/sysrq-trigger", os.O_WRONLY),
    "write /usr": opens("/usr/turnstone", os.O_WRONLY | os.O_CREAT),
    "write /": opens("/turnstone", os.O_WRONLY | os.O_CREAT),
    "read /etc/shadow": opens("/etc/shadow"),
    "see home folders": any(os.path.exists(path) for path in ("/root", "/home", "/var", "/run")),
    "see other processes": not {name for name in shown("/proc") if name.isdigit()} <= {"1", "2"},
    "see other network interfaces": {name for _, name in socket.if_nameindex()} != {"lo"},
    "reach the network": connects(socket.AF_INET, ("192.0.2.1", 80)),
    "open a vsock": connects(40, (2, 1)) or calls("socket", 40, 1, 0),
    "read its worker's memory": opens("/proc/1/mem"),
    "open its worker's descriptors": opens("/proc/1/fd/1", os.O_WRONLY),
    "hold capabilities": int(status("CapEff"), 16) != 0 or int(status("CapBnd"), 16) != 0,
    "gain privileges": status("NoNewPrivs") != "1",
    "run without a seccomp filter": status("Seccomp") != "2",
    "make a user namespace": calls("unshare", CLONE_NEWUSER),
    "mount": calls("mount", b"none", b"/tmp", b"tmpfs", 0, None),
    "trace": calls("ptrace", 16, 1, 0, 0),
    "use keyrings": syscall(250, 219, 0, -5, 0),
    "use io_uring": syscall(425, 425, 1, params),
    "use bpf": syscall(321, 280, 0, params, 72),
    "make anonymous memory files": syscall(319, 279, b"x", 0),
}
found = [name for name, escaped in ESCAPES.items() if escaped]
print("\n".join(found) if found else "isolated")
