#!/usr/bin/env python3
"""Makes random templates and conversations and writes down what jinja2 renders of them.

    /tmp/venv/bin/python tools/fuzz_templates.py --seed 1 --templates 150 --conversations 25   # what is checked in
    /tmp/venv/bin/python tools/fuzz_templates.py --seed 7 --templates 20000 --conversations 2000 --out /tmp/fuzz.json
    TURNSTONE_TEMPLATE_FUZZ=/tmp/fuzz.json ./mvnw -pl engine -am test -Dtest=TemplateFuzzTest -Dsurefire.failIfNoSpecifiedTests=false

Language fuzz: templates from a grammar. Conversation fuzz: conversations with changed roles, keys and
values, through every template of --folder (default: those of the tests and models/tiny); a folder of
real models' templates may be named too. The environment is transformers' own.
"""

import argparse
import copy
import datetime
import json
import random
import warnings
from pathlib import Path

import jinja2
from transformers.utils.chat_template_utils import _compile_jinja_template

ROOT = Path(__file__).resolve().parent.parent
CHAT = ROOT / "engine" / "src" / "test" / "resources" / "chat"
NOW = datetime.datetime(2025, 7, 9, 13, 5, 6)

VARIABLES = {
    "s": "Hello, Wörld 🙂", "e": "", "n": None, "i": 7, "z": 0, "f": 2.5, "t": True,
    "l": [3, "a", None, 1.5, [1, 2]], "ls": ["b", "A", "c", "b"], "ln": [5, 3, 9],
    "d": {"k": "v", "n": None, "items": 3, "b": {"c": [1, 2, {"x": "y"}]}},
    "ms": [
        {"role": "user", "content": " hi\n"},
        {"role": "assistant", "content": None, "tool_calls": [{"function": {"name": "f", "arguments": {"a": 1}}}]},
        {"role": "tool", "content": "x<y>&'\""},
    ],
}
FILTERS = (
    "length trim string tojson upper lower list first last join(',') default('D') default('D',true) items|list tojson(indent=2) capitalize "
    "title int reverse|list sort unique|list replace('a','b') select('string')|list reject('none')|list map('upper')|list "
    "selectattr('role','equalto','user')|list map(attribute='role')|list safe dictsort indent(2) count abs min max round float e"
).split(" ")
METHODS = (
    "strip()|split()|split(' ')|split('l',1)|startswith('H')|endswith('x')|lstrip('He')|rstrip()|upper()|title()|replace('l','L',1)|items()|"
    "keys()|get('k')|get('q',9)|rsplit('o',1)|find('W')|count('l')|join(['1','2'])|format(1)|capitalize()|splitlines()|isdigit()|append(1)|"
    "pop()|foo|k|role"
).split("|")
TESTS = "defined none string mapping iterable sequence number boolean true false undefined integer float callable odd lower".split() + ["in [1,2]", "eq 1"]
INDEXES = "0 -1 1: ::-1 :2 :-1 1:3 ::2 'k' i -2: z:i 5: 'role'".split()
ATOMS = (
    "s e n i z f t l ls ln d ms u u.x d.k d.zz d.b.c[2].x d['n'] d.b ms[0].content ms[1]['content'] ms[-1].role l[0] l[-2] l[9] s[0] s[-2] true "
    "none false 1 2.0 -3 'a' 'x\\n' '' [1,'q'] {'p':1,'q':[none]} (1,2) loop.index0 loop.last ns.x x"
).split(" ")
LEAVES = [
    "", "x", " \n pad \n", "None", "line1\nline2", "<think>\na\n</think>\n\nb", "<think>a</think>b</think>c", "a{b}c%s %d", "é🙂\u200b\u00ad\u3000z",
    "q\"'\\", "  ", None, True, False, 0, 1, -7, 3.5, 1e22, 1e-5, 123456789012345678901234567890, [], {}, ["a", "b"], [1, [2, None]],
    {"type": "text", "text": "T"}, [{"type": "text", "text": "part"}], {"k": {"z": [True]}}, "/no_think", "<|im_end|>", '{"a": 1}', "\u2028\u0085\x1c", "ǅ ŉ ß İ",
]
ROLES = ["user", "assistant", "system", "tool", "developer", "ipython"]
KEYS = ["tools", "documents", "enable_thinking", "add_generation_prompt", "bos_token", "eos_token"]
# What jinja2 prints of its own objects is of no use to a template.
OWN = [" object at 0x", "built-in method", "<generator", "dict_items(", "dict_keys(", "dict_values(", "<function", "<Macro", "<class", "<Namespace", "<LoopContext", "range("]


class Grammar:
    def __init__(self, rnd):
        self.rnd = rnd

    def pick(self, *options):
        return self.rnd.choice(options)

    def expression(self, depth=0):
        if depth > 3 or self.rnd.random() < 0.25:
            return self.pick(*ATOMS)
        e = lambda: self.expression(depth + 1)
        forms = [
            (12, lambda: f"{e()} {self.pick(*'+-*/%~')} {e()}"), (2, lambda: f"{e()} // {e()}"),
            (10, lambda: f"{e()} {self.pick('==', '!=', '<', '<=', '>', '>=', 'in', 'not in')} {e()}"),
            (8, lambda: f"{e()} {self.pick('and', 'or')} {e()}"), (4, lambda: f"not {e()}"),
            (6, lambda: f"({e()} if {e()} else {e()})"), (1, lambda: f"({e()} if {e()})"),
            (18, lambda: f"{e()}|{self.pick(*FILTERS)}"),
            (10, lambda: f"{e()} is {self.pick('', 'not ')}{self.pick(*TESTS)}"),
            (10, lambda: f"{e()}.{self.pick(*METHODS)}"), (10, lambda: f"{e()}[{self.pick(*INDEXES)}]"),
            (5, lambda: f"({e()})"), (3, lambda: f"[{e()}, {e()}]"),
            (2, lambda: self.pick("range(3)|list", "namespace(x=1).x", "dict(a=1)", "strftime_now('%d %b %Y')", "m(1)", "m(s, b=2)")),
            (2, lambda: f"-{self.pick(*ATOMS)}"),
        ]
        return self.rnd.choices([f for _, f in forms], [w for w, _ in forms])[0]()

    def space(self):
        return self.pick("", " ", "\n", "  ", "\n  ", " \n", "\t", "\n\n", "a", "b\n", "  c ")

    def block(self, text):
        return "{%" + self.pick("", "", "", "-", "-", "+") + f" {text} " + self.pick("", "", "", "-", "-", "+") + "%}"

    def body(self, depth):
        if depth >= 3:
            return self.space()
        return "".join(self.space() + self.statement(depth + 1) + self.space() for _ in range(self.pick(0, 1, 1, 2)))

    def statement(self, depth=0):
        b, e, body = self.block, self.expression, lambda: self.body(depth)
        if depth > 3 or self.rnd.random() < 0.35:
            return "{{" + self.pick("", "", "-") + f" {e(1)} " + self.pick("", "", "-") + "}}"
        forms = [
            (15, lambda: b(f"if {e(1)}") + body() + self.pick("", b(f"elif {e(2)}") + body()) + self.pick("", b("else") + body()) + b("endif")),
            (18, lambda: b(self.pick(
                f"for x in {self.pick('l', 'ls', 'ln', 'ms', 'd', 's', 'e', 'range(3)', e(2))}",
                f"for k, x in {self.pick('d.items()', 'd|items', 'd|dictsort', '[(1,2)]')}",
                f"for x in {self.pick('l', 'ls', 'ms')} if {e(2)}",
            )) + body() + self.pick("", b(f"if {e(2)}") + b(self.pick("break", "continue")) + b("endif") + body()) + self.pick("", "", b("else") + body()) + b("endfor")),
            (14, lambda: b(self.pick(f"set x = {e(1)}", f"set ns.x = {e(1)}", f"set x, y = {e(2)}, {e(2)}"))),
            (5, lambda: b("set x") + body() + b("endset")), (3, lambda: "{#" + self.pick("", "-") + " c " + self.pick("", "-") + "#}"),
            (3, lambda: b("generation") + body() + b("endgeneration")), (3, lambda: b("filter " + self.pick("upper", "trim", "indent")) + body() + b("endfilter")),
            (2, lambda: b("call w()") + body() + b("endcall")), (1, lambda: b("raw") + " {{ x }}" + self.space() + b("endraw")),
        ]
        return self.rnd.choices([f for _, f in forms], [w for w, _ in forms])[0]()

    def template(self):
        head = "{% set ns = namespace(x=0) %}{% macro m(a, b='B') %}{{ a }}{{ b }}{% endmacro %}{%- macro w() -%}<{{ caller() }}>{%- endmacro -%}"
        text = self.pick("", "\n", "  ") + head + "".join(self.space() + self.statement() + self.space() for _ in range(self.pick(1, 2, 3)))
        return text.replace("\n", "\r\n") if self.rnd.random() < 0.05 else text


def run(template, variables):
    try:
        compiled = _compile_jinja_template(template)
        compiled.globals["strftime_now"] = NOW.strftime
        text = compiled.render(**json.loads(json.dumps(variables)))
        text.encode()
        return {"ok": text}
    except jinja2.exceptions.TemplateError as e:
        return {"raised": str(e)} if type(e) is jinja2.exceptions.TemplateError else {"error": f"{type(e).__name__}: {e}"}
    except Exception as e:
        return {"error": f"{type(e).__name__}: {e}"}


def language(rnd, count):
    grammar, cases = Grammar(rnd), []
    while len(cases) < count:
        template = grammar.template()
        result = run(template, VARIABLES)
        if any(own in result.get("ok", "") for own in OWN) or ("ok" not in result and rnd.random() < 0.7):
            continue
        cases.append({"template": template, **result})
    return cases


def paths(value, path=()):
    yield path
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield from paths(value[key], path + (key,))


def mutated(rnd, conversation):
    made = copy.deepcopy(conversation)
    for _ in range(rnd.choice([1, 1, 2, 3])):
        messages, r = made["messages"], rnd.random()
        if r < 0.5:
            path = rnd.choice([p for p in paths(made) if p and p != ("messages",) and p[-1] != "role" and not (len(p) == 2 and p[0] == "messages")])
            place = made
            for key in path[:-1]:
                place = place[key]
            if rnd.random() < 0.25 and isinstance(place, dict):
                del place[path[-1]]
            else:
                place[path[-1]] = copy.deepcopy(rnd.choice(LEAVES))
        elif r < 0.6 and messages:
            rnd.choice(messages)["role"] = rnd.choice(ROLES)
        elif r < 0.7 and len(messages) > 1:
            messages.pop(rnd.randrange(len(messages)))
        elif r < 0.8 and messages:
            i = rnd.randrange(len(messages))
            messages.insert(i, copy.deepcopy(messages[i]))
        elif r < 0.9 and messages:
            rnd.choice(messages)[rnd.choice(["content", "reasoning_content", "name", "tool_call_id"])] = copy.deepcopy(rnd.choice(LEAVES))
        else:
            made[rnd.choice(KEYS)] = copy.deepcopy(rnd.choice(LEAVES))
    return made


def main():
    warnings.simplefilter("ignore")  # of the compiled templates
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--templates", type=int, default=150)
    parser.add_argument("--conversations", type=int, default=25)
    parser.add_argument("--folder", type=Path, help="of .jinja files, instead of the tests'")
    parser.add_argument("--out", type=Path, default=CHAT / "fuzz.json")
    args = parser.parse_args()
    rnd = random.Random(args.seed)
    sources = sorted((args.folder or CHAT / "templates").glob("*.jinja")) + ([] if args.folder else [ROOT / "models" / "tiny" / "chat_template.jinja"])
    sources = {("tiny" if f.parent.name == "tiny" else f.stem): f.read_text(encoding="utf-8") for f in sources}
    seeds = list(json.loads((CHAT / "conversations.json").read_text())["conversations"].values())
    conversations = [mutated(rnd, rnd.choice(seeds)) for _ in range(args.conversations)]
    made = {
        "variables": VARIABLES,
        "cases": language(rnd, args.templates),
        "sources": sources if args.folder else {},
        "conversations": [
            {"variables": c, "results": {name: run(source, c) for name, source in sources.items()}} for c in conversations
        ],
    }
    args.out.write_text(json.dumps(made, separators=(",", ":")) + "\n")
    print(f"wrote {args.out}: {len(made['cases'])} templates, {len(conversations)} conversations x {len(sources)}, {args.out.stat().st_size} bytes")


if __name__ == "__main__":
    main()
