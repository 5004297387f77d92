"""Where things lie: at their own paths in a jail, below a folder of the program's where there is none."""

import os

WORKSPACE = "/workspace"
ROOTS = ["/workspace", "/tmp"]


def live_in(folder):
    """There are no mounts of our own: all places move below a folder."""
    global WORKSPACE
    for number, root in enumerate(ROOTS):
        ROOTS[number] = folder + root
        os.mkdir(ROOTS[number])
    WORKSPACE = ROOTS[0]


def workspace():
    return WORKSPACE


def place(path):
    """A path as programs see it, taken from the workspace."""
    path = os.path.join("/workspace", path)
    for root, real in zip(("/workspace", "/tmp"), ROOTS):
        if path == root or path.startswith(root + "/"):
            return real + path[len(root) :]
    if path == "/mnt" or path.startswith("/mnt/"):
        return ROOTS[1] + path[len("/mnt") :]
    return path


def fetchable(path):
    return path.startswith(tuple(root + "/" for root in ROOTS))
