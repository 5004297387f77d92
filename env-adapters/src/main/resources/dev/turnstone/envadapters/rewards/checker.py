"""Runs a program of hidden assertions in this process and the answer in another.

stdin is one line of JSON: {"word", "answer", "tests"}. The answer's process never holds the word or the tests and
has none of this one's streams; it cannot look into this process, which is not dumpable; and what it says is JSON
that is read as data. The last line of stdout is the word if the tests came to their end, and the word, a space and
a reason if this harness could not tell.

Plain values go by value, and lists, dicts and sets that the answer changed in place are changed here too. All other
objects of the answer are Remote: they can be called, asked and operated on, but never equal a plain value. The tests'
own functions, iterators and instances of their classes go as Remote the other way, where only calls, next() and
public attributes are served.
"""

import base64
import builtins
import collections
import ctypes
import datetime
import decimal
import enum
import fractions
import json
import operator
import os
import subprocess
import sys
import traceback
import types

PR_SET_DUMPABLE = 4
TESTS = "tests"
SHOWN = {"__name__", "__qualname__", "__doc__", "__annotations__", "__dict__", "__wrapped__"}
HIDDEN = ("_", "gi_", "cr_", "ag_", "tb_", "f_", "func_")
BY_TEXT = {
    t.__name__: t for t in (decimal.Decimal, fractions.Fraction, datetime.datetime, datetime.date, datetime.time)
}
CONTAINERS = {t.__name__: t for t in (list, tuple, set, frozenset, collections.deque)}
MAPPINGS = {t.__name__: t for t in (dict, collections.OrderedDict, collections.defaultdict, collections.Counter)}
TYPES = {t: n for n, t in vars(builtins).items() if isinstance(t, type)}
FUNCTIONS = {f: n for n, f in vars(builtins).items() if isinstance(f, types.BuiltinFunctionType)}
BINARY = "add sub mul truediv floordiv mod pow matmul and_ or_ xor lshift rshift".split()
ONE = {"len": len, "iter": iter, "next": next, "bool": bool, "str": str, "repr": repr, "hash": hash, "int": int,
       "float": float, "index": operator.index, "neg": operator.neg, "pos": operator.pos, "abs": abs,
       "invert": operator.invert, "reversed": reversed, "round": round}  # fmt: skip
MORE = {"getitem": operator.getitem, "setitem": operator.setitem, "delitem": operator.delitem,
        "contains": operator.contains, "eq": operator.eq, "lt": operator.lt, "le": operator.le, "gt": operator.gt,
        "ge": operator.ge, "enter": lambda x: type(x).__enter__(x), "exit": lambda x, *e: type(x).__exit__(x, *e),
        "instancecheck": lambda c, x: isinstance(x, c), "subclasscheck": lambda c, x: issubclass(x, c),
        "await": lambda x: __import__("asyncio").run(x)}  # fmt: skip
OPERATIONS = {**ONE, **MORE}
for name in BINARY:
    OPERATIONS[name] = getattr(operator, name)
    OPERATIONS["r" + name.rstrip("_")] = lambda a, b, f=getattr(operator, name): f(b, a)


# Of what an operator of the answer's made knowing a number of the tests', these would be believed.
TELLING = {"abs", "round", "float", "int", "index", "bool", "neg", "pos", "invert", "str", "repr", "hash"}
MIXING = OPERATIONS.keys() - ONE.keys() - MORE.keys()


class Unsupported(BaseException):
    """What the tests do cannot be done across processes: no fault of the answer."""


class Ended(BaseException):
    """The answer's process is gone."""


class Link:
    """One end of the pipes between tests and answer."""

    def __init__(self, source, sink, trusted):
        self.source = source
        self.sink = sink
        self.trusted = trusted  # whether the other end may do anything with our objects
        self.objects = []
        self.numbers = {}
        self.errors = {}
        self.unsupported = ""
        self.ended = False

    def say(self, message):
        try:
            self.sink.write(json.dumps(message) + "\n")
            self.sink.flush()
        except OSError:
            self.ended = True
            raise Ended() from None

    def ask(self, operation, *parts):
        """Asks the other end, and serves it until it has answered."""
        self.say([operation, *parts])
        while True:
            line = self.source.readline()
            if not line:
                self.ended = True
                raise Ended()
            kind, *rest = json.loads(line)
            if kind == "is":
                return rest
            if kind == "raise":
                raise self.error(*rest)
            self.serve(kind, rest)

    def serve(self, operation, parts):
        try:
            answer = ["is", *self.do(operation, *parts)]
        except (Unsupported, Ended):
            raise
        except BaseException as error:
            answer = ["raise", *self.of_error(error)]
        self.say(answer)

    def do(self, operation, *parts):
        if operation == "load" and self.trusted:
            return [self.load(parts[0])]
        target = self.objects[parts[0]]
        if operation == "get":
            if not self.trusted and (parts[1].startswith(HIDDEN) or not ours(target)):
                raise AttributeError(parts[1])
            return [self.encode(getattr(target, parts[1]))]
        if operation == "set":
            if not self.trusted and (parts[1].startswith(HIDDEN) or not ours(target)):
                raise AttributeError(parts[1])
            return [self.encode(setattr(target, parts[1], self.decode(parts[2])))]
        if operation == "data" and self.trusted:
            return [self.encode(base(target)) for base in plain_bases(target)][:1]
        arguments, named = self.decode(parts[1]), self.decode(parts[2])
        if operation == "call":
            before = [json.dumps(x) for x in parts[1:]]
            result = self.encode(target(*arguments, **named))
            after = [self.encode(arguments), self.encode(named)]
            return [result, after if [json.dumps(x) for x in after] != before else None]
        if not self.trusted and operation not in ("iter", "next", "len", "bool", "str"):
            raise TypeError("the tests do not serve " + operation)
        return [self.encode(OPERATIONS[operation](target, *arguments))]

    def load(self, code):
        module = types.ModuleType("solution")
        sys.modules["solution"] = module
        exec(compile(code, "solution.py", "exec"), module.__dict__)
        exported = {n: x for n, x in vars(module).items() if not (n.startswith("__") and n.endswith("__"))}
        return {name: self.encode(value) for name, value in exported.items()}

    def call(self, number, arguments, named):
        result, after = self.ask("call", number, self.encode(arguments), self.encode(named))
        if after is not None:
            restore(list(arguments), list(self.decode(after[0])))
            restore(named, self.decode(after[1]))
        return self.decode(result)

    def encode(self, x):
        kind = type(x)
        if x is None or kind in (bool, int, float, str):
            return x
        if kind is Remote:
            return ["yours", x._number]
        if kind.__name__ in CONTAINERS and kind is CONTAINERS[kind.__name__]:
            return [kind.__name__, [self.encode(item) for item in x]]
        if kind.__name__ in MAPPINGS and kind is MAPPINGS[kind.__name__]:
            return [kind.__name__, [[self.encode(k), self.encode(v)] for k, v in x.items()]]
        if kind in (bytes, bytearray):
            return [kind.__name__, base64.b64encode(x).decode()]
        if kind is complex:
            return ["complex", x.real, x.imag]
        if kind is range:
            return ["range", x.start, x.stop, x.step]
        if kind is datetime.timedelta:
            return ["timedelta", x.days, x.seconds, x.microseconds]
        if kind.__name__ in BY_TEXT and kind is BY_TEXT[kind.__name__]:
            return [kind.__name__, str(x) if kind.__module__ != "datetime" else x.isoformat()]
        if isinstance(x, type) and x in TYPES:
            return ["builtin", TYPES[x]]
        if isinstance(x, types.BuiltinFunctionType) and x in FUNCTIONS and not self.trusted:
            return ["builtin", FUNCTIONS[x]]
        if x is Ellipsis or x is NotImplemented:
            return ["builtin", str(x)]
        return self.encode_rare(x)

    def encode_rare(self, x):
        numpy = sys.modules.get("numpy")
        if numpy and isinstance(x, numpy.generic) and not isinstance(x, numpy.void):
            return self.encode(x.item())
        if numpy and type(x) is numpy.ndarray and x.dtype.kind in "biufcSU":
            return ["ndarray", x.dtype.str, list(x.shape), base64.b64encode(x.tobytes()).decode()]
        if isinstance(x, types.ModuleType) and x.__name__.partition(".")[0] in sys.stdlib_module_names:
            return ["module", x.__name__]
        if not isinstance(x, enum.Enum):
            for base in (int, float, str, bytes):
                if isinstance(x, base):
                    return self.encode(base(x))
        if not self.trusted and not (callable(x) or ours(x) or is_iterator(x)):
            self.unsupported = self.unsupported or "the tests hand over a " + type(x).__name__
            raise Unsupported(self.unsupported)
        if self.trusted and isinstance(x, type) and issubclass(x, BaseException):
            return ["error", self.of_class(x)]
        if self.trusted and isinstance(x, types.CoroutineType):
            return ["coroutine", self.number(x)]
        return ["mine", self.number(x), self.trusted and bool(plain_bases(x))]

    def number(self, x):
        """Objects are kept, so that their ids stay theirs."""
        if id(x) not in self.numbers:
            self.numbers[id(x)] = len(self.objects)
            self.objects.append(x)
        return self.numbers[id(x)]

    def decode(self, x):
        if not isinstance(x, list):
            return x
        tag, *rest = x
        if tag in CONTAINERS:
            return CONTAINERS[tag](self.decode(item) for item in rest[0])
        if tag in MAPPINGS:
            made = MAPPINGS[tag]()
            made.update({self.decode(k): self.decode(v) for k, v in rest[0]})
            return made
        if tag in ("bytes", "bytearray"):
            return getattr(builtins, tag)(base64.b64decode(rest[0]))
        if tag in BY_TEXT:
            made = BY_TEXT[tag]
            return made.fromisoformat(rest[0]) if made.__module__ == "datetime" else made(rest[0])
        if tag in ("complex", "range"):
            return getattr(builtins, tag)(*rest)
        if tag == "timedelta":
            return datetime.timedelta(*rest)
        if tag == "yours":
            return self.objects[rest[0]]
        if tag == "mine":
            return Remote(self, rest[0], rest[1])
        return self.decode_rare(tag, rest)

    def decode_rare(self, tag, rest):
        if tag == "builtin":
            # A function of ours that the answer chose would run here.
            allowed = {**TYPES, ...: "Ellipsis", NotImplemented: "NotImplemented"}
            allowed.update(FUNCTIONS if self.trusted else {})
            return next(value for value, name in allowed.items() if name == rest[0])
        if tag == "ndarray" and rest[0].lstrip("<>|=")[:1] in tuple("biufcSU"):
            import numpy

            return numpy.frombuffer(base64.b64decode(rest[2]), rest[0]).reshape(rest[1]).copy()
        if tag == "module" and self.trusted:
            return __import__(rest[0], fromlist=["*"])
        if tag == "module":
            return types.ModuleType(str(rest[0]))  # a name and nothing else
        if tag == "error":
            return self.error_class(*rest)
        if tag == "coroutine":
            return self.awaited(rest[0])
        raise ValueError("no value: " + repr(tag))

    async def awaited(self, number):
        return self.decode(self.ask("await", number, ["tuple", []], ["dict", []])[0])

    def of_class(self, kind):
        """The nearest class that is everybody's, and what the answer or the tests derived from it."""
        known = next(base for base in kind.__mro__ if base in TYPES)
        own = kind.__mro__[: kind.__mro__.index(known)]
        return [TYPES[known], [[base.__name__, self.number(base)] for base in own]]

    def of_error(self, error):
        kind = self.of_class(type(error))
        if not self.trusted:
            return [kind, [str(part) for part in error.args], -1]
        return [kind, [self.encode(part) for part in error.args], self.number(error)]

    def error_class(self, described):
        known, own = described
        kind = getattr(builtins, known)
        if not issubclass(kind, BaseException):
            raise ValueError("no exception: " + repr(known))
        for name, number in reversed(own):
            if number not in self.errors:
                members = {"__getattr__": of_remote, "__str__": lambda e: str(e._remote)}
                self.errors[number] = type(str(name), (kind,), members if not self.trusted else {})
            kind = self.errors[number]
        return kind

    def error(self, described, parts, number):
        kind = self.error_class(described)
        made = kind.__new__(kind)
        made.args = tuple(self.decode(part) for part in parts)
        if described[1] and not self.trusted:
            made.__dict__["_remote"] = Remote(self, number)
        return made


def of_remote(error, name):
    if name.startswith("_"):
        raise AttributeError(name)
    return getattr(error.__dict__["_remote"], name)


def plain_bases(x):
    return [base for base in (list, tuple, dict, set, frozenset) if isinstance(x, base)]


def ours(x):
    """Whether it is an instance of a class that the tests define."""
    return getattr(type(x), "__module__", "") == TESTS and not isinstance(x, type)


def is_iterator(x):
    return hasattr(x, "__next__") and not hasattr(x, "read")


class Remote:
    """An object in the other process."""

    __slots__ = ("_link", "_number", "_plain", "_tainted")

    def __init__(self, link, number, plain=False, tainted=False):
        for name, value in zip(Remote.__slots__, (link, number, plain, tainted)):
            object.__setattr__(self, name, value)

    def __call__(self, *arguments, **named):
        return self._link.call(self._number, arguments, named)

    def __getattr__(self, name):
        if name.startswith("__") and name.endswith("__") and name not in SHOWN:
            raise AttributeError(name)
        return self._link.decode(self._link.ask("get", self._number, name)[0])

    def __setattr__(self, name, value):
        self._link.ask("set", self._number, name, self._link.encode(value))

    def __mro_entries__(self, bases):
        link = self._link
        link.unsupported = "the tests derive a class from one of the answer's"
        raise Unsupported(link.unsupported)

    def _do(self, operation, *arguments):
        link = self._link
        result = link.decode(link.ask(operation, self._number, link.encode(arguments), ["dict", []])[0])
        mixed = operation in MIXING and type(arguments[0]) is not Remote
        if link.trusted or not mixed and not (self._tainted and operation in TELLING):
            return result
        if type(result) is not Remote:
            raise TypeError("an object of the answer and a value of the tests do not make a value")
        return Remote(link, result._number, result._plain, True)

    def _compared(self, operation, other):
        if type(other) is Remote:
            return self._do(operation, other)
        if not self._plain or self._tainted:
            return NotImplemented
        return OPERATIONS[operation](self._link.decode(self._link.ask("data", self._number)[0]), other)

    def __hash__(self):
        return self._do("hash")

    def __enter__(self):
        return self._do("enter")

    def __exit__(self, kind, error, trace):
        return self._do("exit", kind, None, None)


def forward(name, operation):
    if operation in ("eq", "lt", "le", "gt", "ge"):
        return lambda self, other: self._compared(operation, other)
    return lambda self, *arguments: self._do(operation, *arguments)


for name in OPERATIONS:
    if name not in ("hash", "enter", "exit", "await"):
        setattr(Remote, "__" + name.rstrip("_") + "__", forward(name, name))


def restore(old, new):
    """Makes a value what the other process made of its copy, keeping the objects that are still in their place."""
    for key in range(min(len(old), len(new))) if isinstance(old, list) else old.keys() & new.keys():
        if type(old[key]) is type(new[key]) and isinstance(old[key], (list, dict)):
            restore(old[key], new[key])
            new[key] = old[key]
        elif type(old[key]) is type(new[key]) and isinstance(old[key], (set, collections.deque, bytearray)):
            fresh = type(new[key])(new[key])
            old[key].clear()
            getattr(old[key], "update" if isinstance(fresh, set) else "extend")(fresh)
            new[key] = old[key]
        elif type(old[key]) is type(new[key]) and type(new[key]).__name__ == "ndarray":
            if old[key].shape == new[key].shape:
                old[key][...] = new[key]
                new[key] = old[key]
    if isinstance(old, list):
        old[:] = new
    else:
        old.clear()
        old.update(new)


def answer_side(source, sink):
    sys.argv[:] = ["solution.py"]
    link = Link(os.fdopen(source), os.fdopen(sink, "w"), True)
    for line in link.source:
        operation, *parts = json.loads(line)
        link.serve(operation, parts)
    os._exit(0)


def bound(name, value):
    """Whether the tests may see a name of the answer's without importing it: not in place of what they take for
    Python's own."""
    return not hasattr(builtins, name) and (name not in sys.stdlib_module_names or type(value) is Remote)


def named(exports, link):
    for name, value in exports.items():
        if not name.isidentifier() or name.startswith("__"):
            continue
        if value == ["module", name] and name in sys.stdlib_module_names:
            yield name, __import__(name)
        else:
            yield name, link.decode(value)


def tests_side(link, given):
    """Whether the tests came to their end."""
    # What the answer may write is nothing to import from.
    shared = ("/workspace", "/tmp", "/mnt")
    places = [place for place in sys.path if place.startswith("/") and not place.startswith(shared)]
    sys.path[:] = [place for place in places if os.geteuid() == 0 or not os.access(place, os.W_OK)]
    try:
        exports = dict(named(link.ask("load", given["answer"])[0], link))
        solution = types.ModuleType("solution")
        vars(solution).update(exports)
        tests = types.ModuleType(TESTS)
        sys.modules["solution"], sys.modules[TESTS] = solution, tests
        vars(tests).update({n: x for n, x in exports.items() if bound(n, x) or type(x) is types.ModuleType})
        exec(compile(given["tests"], "tests.py", "exec", dont_inherit=True), vars(tests))
        return not link.ended
    except BaseException:
        traceback.print_exc()
        return False


def main():
    hidden = ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0
    to_answer, to_tests = os.pipe(), os.pipe()
    ends = to_answer[0], to_tests[1]
    command = [sys.executable or "python3", __file__, "answer", *map(str, ends)]
    quiet = subprocess.DEVNULL
    child = subprocess.Popen(command, stdin=quiet, stdout=quiet, stderr=quiet, pass_fds=ends)
    for end in ends:
        os.close(end)
    given = json.loads(sys.stdin.readline())
    stdout = os.dup(1)
    link = Link(os.fdopen(to_tests[0]), os.fdopen(to_answer[1], "w"), False)
    passed = hidden and tests_side(link, given)
    child.kill()
    why = link.unsupported or ("" if hidden else "this process cannot be hidden from the answer's")
    sys.stdout.flush()
    if why or passed:
        os.write(stdout, ("\n" + given["word"] + (" " + why if why else "") + "\n").encode())
    sys.stderr.flush()
    os._exit(0 if why or passed else 1)


if hasattr(sys, "set_int_max_str_digits"):
    sys.set_int_max_str_digits(0)
if sys.argv[1:2] == ["answer"]:
    answer_side(int(sys.argv[2]), int(sys.argv[3]))
else:
    main()
