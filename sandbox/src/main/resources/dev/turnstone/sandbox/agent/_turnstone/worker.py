"""Process 1 of a jail: does what the service asks for and reports what came of it.

As process 1 it cannot be signalled by the jail's programs, and it is not dumpable, so they can neither
read its memory nor open its descriptors. Its end is the end of every process of the jail.
"""

import gc
import os
import time

from . import cells, files, jailing, programs, shells
from .frames import Connection
from .places import live_in, place, workspace
from .processes import FILE_SYSTEMS, USER, Children, Kept, Limits, Passed, Pipes, Supervision, become


def serve_alone():
    """A jail that something else has built around us: requests come on stdin, answers go to stdout."""
    connection = Connection(os.dup(0), os.dup(1))
    null = os.open("/dev/null", os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    wish, _ = connection.receive()
    try:
        if "workspace" in wish:
            live_in(wish["workspace"])
            FILE_SYSTEMS.clear()
        os.chdir(workspace())
        folder = os.path.dirname(os.path.dirname(__file__))
        USER.extend(wish.get("user", []))
        jailing.give_up_privileges(jailing.read_filter(f"{folder}/filter.bpf"), keep=bool(USER))
    except OSError as error:
        connection.send({"lost": str(error)})
        os._exit(1)
    connection.send({"ready": True, "pid": os.getpid()})
    return serve(connection)


class StartProgram(Exception):
    """Unwinds the worker's stack in a forked child, so that a program finds nothing of it."""

    def __init__(self, task):
        super().__init__()
        self.task = task


def serve(connection):
    """Answers requests until the service goes away. Returns only in a forked child, with its task."""
    try:
        Worker(connection).serve()
    except StartProgram as start:
        task = start.task
    gc.freeze()  # a program's collections need not look at what is ours
    return task


class Worker:
    def __init__(self, connection):
        self.connection = connection
        self.pid = os.getpid()
        self.children = Children()
        self.ahead = None
        self.kernel = None
        self.shells = {}
        self.operations = {
            "run": self.run_program,
            "exec": self.exec,
            "cells": self.run_cells,
            "shell": self.run_shell,
            "close_shell": self.close_shell,
            "cancel": lambda *_: self.connection.take_nonce(),  # what it meant has ended
        }

    def serve(self):
        self.ahead = programs.Ahead.start(self.children, StartProgram)
        while True:
            header, fields = self.connection.receive()
            try:
                if self.ahead and header.get("language") != "python":
                    self.ahead.close()
                    self.ahead = None
                self.operations[header["op"]](header, fields)
            except StartProgram:
                raise
            except files.NotStored as error:
                self.connection.answer({"error": f"files: {error}"})
            except Exception as error:
                if os.getpid() != self.pid:
                    raise  # in a forked child
                self.connection.answer({"error": f"{type(error).__name__}: {error}"})
            self.children.statuses = {
                pid: status for pid, status in self.children.statuses.items() if status is None
            }

    def run_program(self, header, fields):
        """One program with its files, compiled or not; afterwards nothing of it lives."""
        count = len(header["files"])
        files.store_all(header["files"], fields[2 : 2 + count])
        files.store(header["path"], fields[0])
        answer, blobs = {"compile": None, "run": None, "files": []}, []
        passed = True
        if header["language"] != "python":
            self.started()
        if header["compile"]:
            result = self.command(header["compile"], b"", Limits(header["compile_limits"]), header)
            answer["compile"] = result[0]
            blobs += result[1:]
            passed = result[0]["code"] == 0
        if passed:
            limits = Limits(header["limits"])
            if header["language"] == "python":
                ended, *outputs = self.script(header["path"], fields[0], fields[1], limits, header)
            else:
                ended, *outputs = self.command(header["run"], fields[1], limits, header)
            answer["run"] = ended
            blobs += outputs
            if header["fetch"]:
                self.children.kill_all()
                self.children.await_none()
            answer["files"], found = files.fetch_all(header["fetch"], header["fetch_limit"])
            blobs += found
        self.connection.answer(answer, *blobs)

    def started(self):
        """Before this the service may give the program to another jail, if this one is killed."""
        self.connection.answer({"started": True})

    def script(self, path, code, stdin, limits, header):
        """A Python program in the process that waits for it."""
        ahead, self.ahead = self.ahead, None
        if not ahead or not self.children.alive(ahead.pid):
            ahead = programs.Ahead.start(self.children, StartProgram)
        started = time.monotonic()
        ahead.run(place(path), code, limits.rlimits)
        return self.supervise(ahead.pid, ahead.pipes, stdin, limits, header, started, ahead)

    def command(self, command, stdin, limits, header, task=None):
        """Runs one to its end: its result, stdout and stderr."""
        pipes, started = Pipes(), time.monotonic()
        if task is None:
            pid = self.spawn(command, pipes, limits, header)
        else:
            pid = self.children.fork()
            if pid == 0:
                become(pipes.theirs())
                limits.apply()
                raise StartProgram(task)
        pipes.close_theirs()
        return self.supervise(pid, pipes, stdin, limits, header, started)

    def supervise(self, pid, pipes, stdin, limits, header, started, ahead=None):
        stdout, stderr = self.streams(limits, header)
        outputs = {pipes.stdout: stdout, pipes.stderr: stderr}
        supervision = Supervision(
            self.children, self.connection, pid, outputs, limits, started, header["op"] != "run"
        )
        if ahead:
            supervision.exits_with(ahead.control.fileno())
            supervision.on_wait(self.started)
        supervision.feed_with(pipes.stdin, stdin)
        supervision.run()
        if header["op"] == "run" or supervision.over_memory:
            self.children.kill_all()
        elif supervision.status is None:
            self.children.kill_session(pid)
        supervision.drain_rest()
        os.close(pipes.stdout)
        os.close(pipes.stderr)
        result = supervision.result()
        result["left_out"] = [stdout.left_out(), stderr.left_out()]
        return result, stdout.bytes(), stderr.bytes()

    def spawn(self, command, pipes, limits, header):
        """Unlike a fork it copies no page tables. The child inherits limits, so we take them on too."""
        limits.apply()
        folder = place(header.get("cwd") or "/workspace")
        command = [place(word) if word.startswith(("/workspace/", "/tmp/")) else word for word in command]
        try:
            os.chdir(folder)
            return self.children.spawn(command, header.get("environment", {}), pipes.theirs())
        except OSError as error:
            name = error.filename if isinstance(error.filename, str) else folder
            os.write(pipes.child_err, f"{name}: {error.strerror}\n".encode("utf-8", "replace"))
            return self.children.failed(126 if error.filename is None else 127)
        finally:
            os.chdir(workspace())

    def streams(self, limits, header):
        if header.get("stream"):
            forward = Passed(lambda data: self.connection.answer({"chunk": True}, data))
            return forward, Kept(limits.output)
        return Kept(limits.output), Kept(limits.output)

    def exec(self, header, fields):
        """One command or file task of a session. What it leaves in the background lives on."""
        task = files.TASKS[header["task"]](header) if "task" in header else None
        limits = Limits(header["limits"])
        result = self.command(header.get("run"), fields[0], limits, header, task)
        self.connection.answer(*result)

    def run_cells(self, header, fields):
        """Cells of one Python process that lives from its first cell on."""
        if header["files"]:
            files.store_all(header["files"], fields[len(header["cells"]) :])
        if self.kernel is None or not self.kernel.alive():
            self.kernel = cells.Kernel.start(self.children, Limits(header["limits"]), StartProgram)
        answer, blobs = self.kernel.run(self.connection, header, fields)
        if header["last"]:
            self.children.kill_all()
            answer["files"], found = files.fetch_all(header["fetch"], header["fetch_limit"])
            blobs += found
        self.connection.answer(answer, *blobs)

    def run_shell(self, header, fields):
        """A command in a bash that keeps its folder, variables and functions."""
        name = header["shell"]
        limits = Limits(header["limits"])
        shell = self.shells.get(name)
        if shell is None or not shell.alive():
            if not header["create"]:
                self.connection.answer({"error": f"there is no shell {name}"})
                return
            shell = self.shells[name] = shells.Shell.start(self.children, limits, header)
        self.connection.answer(*shell.run(self.connection, fields[0], limits))

    def close_shell(self, header, _):
        shell = self.shells.pop(header["shell"], None)
        if shell is not None:
            shell.close()
        self.connection.answer({"closed": shell is not None})

