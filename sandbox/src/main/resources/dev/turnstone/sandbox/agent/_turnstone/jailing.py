"""The inner wall: namespaces, mounts and what the worker gives up before any program runs.

The zygote lives in bubblewrap's namespaces, without root, with a read-only root of its own. Each
jail adds its own user, PID, mount, network, IPC and cgroup namespaces, empty file systems and the
seccomp filter. A program that broke this wall would stand in front of bubblewrap's.
"""

import ctypes
import fcntl
import os
import socket
import struct

CLONE_NEWNS = 0x00020000
CLONE_NEWCGROUP = 0x02000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 1, 2, 4, 8
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_NAME, PR_SET_SECCOMP = 1, 4, 15, 22
PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 24, 38
SECCOMP_MODE_FILTER = 2
SIOCSIFFLAGS = 0x8914
IFF_UP_AND_RUNNING = 0x41

libc = ctypes.CDLL(None, use_errno=True)


def call(name, *arguments):
    if getattr(libc, name)(*arguments) == -1:
        error = ctypes.get_errno()
        raise OSError(error, f"{name}: {os.strerror(error)}")


def prctl(option, *values):
    call("prctl", option, *(ctypes.c_ulong(v) for v in (*values, 0, 0, 0, 0)[:4]))


def name(text):
    buffer = ctypes.create_string_buffer(text)
    prctl(PR_SET_NAME, ctypes.addressof(buffer))


def write(path, text):
    with open(path, "w") as file:
        file.write(text)


def join_cgroup(folders):
    for folder in folders:
        write(f"{folder}/cgroup.procs", "0")


def leave_namespaces():
    """The next child of this process is process 1 of new namespaces."""
    prctl(PR_SET_DUMPABLE, 1)  # else /proc/self is not ours to write
    uid, gid = os.getuid(), os.getgid()
    call(
        "unshare",
        CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWCGROUP,
    )
    write("/proc/self/setgroups", "deny")
    write("/proc/self/uid_map", f"{uid} {uid} 1")
    write("/proc/self/gid_map", f"{gid} {gid} 1")


def mount(kind, target, flags, options=""):
    call("mount", kind, target.encode(), kind, flags, options.encode())


def furnish(sizes):
    """Fresh file systems; sizes in bytes and numbers of files by path."""
    for path, (size, inodes) in sizes.items():
        options = f"size={size},nr_inodes={inodes},mode=755"
        mount(b"tmpfs", path, MS_NOSUID | MS_NODEV, options)
    mount(b"tmpfs", "/agent", MS_RDONLY | MS_NOSUID | MS_NODEV, "size=4096,nr_inodes=2,mode=755")
    mount(b"proc", "/proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    write("/proc/sys/user/max_user_namespaces", "0")
    with socket.socket() as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP_AND_RUNNING))


def read_filter(path):
    with open(path, "rb") as file:
        return file.read()


class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_char_p)]


class CapabilityHeader(ctypes.Structure):
    _fields_ = [("version", ctypes.c_uint32), ("pid", ctypes.c_int)]


def drop_bounds():
    try:
        for capability in range(64):
            prctl(PR_CAPBSET_DROP, capability)
    except OSError:
        pass  # EINVAL ends the list; without namespaces there is nothing to drop


def give_up_privileges(seccomp, keep=False):
    """No capability, no way to gain one, no system call beyond the filter. For good.

    keep: those that give programs another user, which lose them by that
    """
    if not keep:
        drop_bounds()
        header = CapabilityHeader(0x20080522, 0)
        call("capset", ctypes.byref(header), ctypes.byref((ctypes.c_uint32 * 6)()))
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    prctl(PR_SET_DUMPABLE, 0)
    if seccomp:
        program = Program(len(seccomp) // 8, seccomp)
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.addressof(program))
