#!/usr/bin/env python3
"""Makes the golden files of this folder with the real jinja2, transformers and tokenizers.

    python -m venv /tmp/venv && /tmp/venv/bin/pip install jinja2 tokenizers transformers
    /tmp/venv/bin/python engine/src/test/resources/chat/make_goldens.py

Writes template-cases.json (small templates, a construct each), conversations.json (the templates of
templates/ and models/tiny with many conversations), tokenizer-cases.json, and small tokenizers of the kinds
that model families have.
"""

import copy
import datetime
import json
import random
from pathlib import Path

import jinja2
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers.utils.chat_template_utils import _compile_jinja_template

HERE = Path(__file__).resolve().parent
TINY = HERE.parents[4] / "models" / "tiny"
NOW = datetime.datetime(2025, 7, 9, 13, 5, 6)

VARIABLES = {
    "s": "Hello, Wörld 🙂", "e": "", "n": None, "i": 7, "z": 0, "f": 2.5, "t": True, "pad": " \n a b \t",
    "l": [3, "a", None, 1.5, [1, 2]], "ls": ["b", "A", "c", "b"], "ln": [5, 3, 9],
    "d": {"k": None, "j": 1, "b": {"c": [1, 2, {"x": "y"}]}, "é": "ü"},
    "ms": [{"role": "user", "content": " hi\n"}, {"role": "assistant", "content": None}, {"role": "tool", "content": "x<y>&'\""}],
}

CASES = r"""
{% set n=namespace(a=[1,2]|length - 1) %}{{n.a}}
{{ [1,2,3][::-1] }}{{ 'abc'[::-1] }}{{ ln[::2] }}{{ ln[-2:] }}{{ ln[:-1] }}{{ ln[5:] }}{{ ln[2:0:-1] }}{{ s[1:3] }}{{ s[-1:] }}{{ (1,2,3)[1:] }}
{% set n=namespace(i=0) %}{{ [1,2,3][:n.i+1] }}
{{ 'y' if not x is defined else 'n' }}{{ 'y' if x is not defined else 'n' }}
{{ (1==1) != (0 % 2 == 0) }}{{ ('a'=='a') != true }}{{ not 1 == 2 }}{{ not ls|length == 1 }}
{{ 1 < 2 < 3 }}{{ 1 < 2 > 3 }}{{ 3 >= 3 == 3 }}{{ 'a' < 'b' }}{{ [1,2] < [1,3] }}{{ 1 < 1.5 }}{{ true == 1 }}{{ 1.0 == 1 }}{{ '1' == 1 }}
{{ 'D' if d.k is defined else 'U' }}{{ 'N' if d.k is none else 'V' }}{{ 'N' if d.q is none else 'V' }}[{{ d.k }}][{{ d.q }}]
{{ true }}{{ false }}{{ none }}{{ True }}{{ None }}
{{ l }}{{ d }}{{ (1,) }}{{ () }}{{ ('a', 2) }}{{ {'a': (1, none)} }}{{ [] }}{{ {} }}
{{ ["it's", 'say "x"', 'both \' and "', 'a\\b', 'tab\t', 'nl\n', 'é🙂', '\u200b', '\x07'] }}
{{ '-' * 3 }}{{ 2 * 'ab' }}{{ [0] * 2 }}{{ 'x' * 0 }}{{ 'x' * -1 }}
{{ 'a' ~ 1 ~ none ~ x ~ 2.0 ~ [1] }}
{{ 'a' in 'cat' and 'b' not in ['c'] }}{{ 'k' in d }}{{ 'q' not in d }}{{ none in l }}{{ 1.5 in l }}{{ 'x' in x }}
[{{ 'x' if false }}]{{ 'a' if false else 'b' if false else 'c' }}
{% for k, v in d.items() %}{{k}}={{v}};{% endfor %}{% for k, v in d|items %}{{k}};{% endfor %}{% for k in d %}{{k}}{% endfor %}
{% for x in ln if x > 3 %}{{loop.index}}{{x}}{{loop.length}}{{ loop.last }}{% endfor %}
{% for x in ln %}{{ loop.previtem is defined }}{{loop.nextitem}},{{ loop.first }}{{ loop.last }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.cycle('a','b') }}{{ loop.changed(x > 4) }} {% endfor %}
{% for x in ln %}{{x}}{% break %}{% endfor %}{% for x in ln %}{% if x == 3 %}{% continue %}{% endif %}{{x}}{% else %}E{% endfor %}
{% for x in [] %}{% else %}E{% endfor %}{% for x in ln %}{% continue %}{% else %}E{% endfor %}{% for x in [1] %}{% else %}E{% endfor %}
{% for a, (b, c) in [(1, (2, 3))] %}{{ a }}{{ b }}{{ c }}{% endfor %}{% for c in 'a🙂' %}{{ c }}.{% endfor %}{% for x in u %}x{% endfor %}
{% for x in ln %}{% for y in ls %}{{ loop.index }}{% endfor %}{{ loop.index }}{% endfor %}
{% macro m(a,b='z') %}{{a}}{{b}}{% endmacro %}{{ m(1) }}{{ m(a=2,b=3) }}{{ m(1, 2) }}[{{ m() }}]{{ m(x, x) }}
{% macro m(n) %}{{n}}{% if n>0 %}{{ m(n-1) }}{% endif %}{% endmacro %}{{ m(2) }}
{% macro a() %}{{ b() }}{% endmacro %}{% macro b() %}B{% endmacro %}{{ 'x' + a() }}
{% macro m() %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, k=2) }}
{% macro m(a) %}{% endmacro %}{{ m(1, 2) }}
{% macro m(a) %}{% endmacro %}{{ m(b=1) }}
{% set y = 1 %}{% macro m() %}{{ y }}{% set y = 5 %}{% endmacro %}{% set y = 2 %}{{ m() }}{{ y }}
{% macro w(q) %}<{{ caller(q) }}>{% endmacro %}{% call(v) w('z') %}x{{ v }}{{ i }}{% endcall %}
{% set x %}a{{1}}b{% endset %}[{{x}}]{% set x | trim | upper %} a {% endset %}[{{x}}]
{% filter upper|replace('A', 'b') %}a{{ 'a' }}{% endfilter %}
{% with a = 1, b = i %}{{ a }}{{ b }}{% endwith %}[{{ a }}]
{% print 1, 'a' %}{% if true: %}x{% endif %}
{% generation %}x{% set q = 1 %}{% endgeneration %}[{{ q }}]
{{ {'a':'é<>&\'','b':[1,2.0,none,true]}|tojson }}{{ 'a"\\\n\t\r\b\f\u0001/é🙂'|tojson }}{{ d|tojson }}{{ []|tojson }}{{ {}|tojson }}{{ (1,)|tojson }}
{{ {'a':[1,{}],'b':{'c':[]}}|tojson(indent=2) }}{{ [1,[2]]|tojson(indent=0) }}{{ {'a':1}|tojson(indent='\t') }}
{{ {'a':'é🙂'}|tojson(ensure_ascii=true) }}{{ {'a':1, 'b':2}|tojson(separators=(',',':')) }}{{ {'b':1, 'a':2}|tojson(sort_keys=true) }}{{ {'b':[1]}|tojson(indent=1, separators=(';','=')) }}
{{ {1: 2, none: 3, true: 4, 1.5: 5}|tojson }}{{ 1e16|tojson }}{{ 1e-5|tojson }}{{ 100.0|tojson }}{{ 123456789012345678901234567890|tojson }}
{{ x|tojson }}
{{ [x]|tojson }}
{{ '\n\n  x'.lstrip('\n') }}|{{ pad.strip() }}|{{ pad.rstrip() }}|{{ pad.lstrip() }}|{{ 'xxayx'.strip('xy') }}|{{ 'abc'.rstrip('') }}
{{ 'a|b.c'.split('|') }}{{ 'a<b>c'.split('<b>')[-1] }}{{ 'a,b,c'.split(',',1) }}{{ 'a b c'.rsplit(' ',1) }}{{ pad.split() }}{{ ' a b  c '.split(none, 1) }}{{ ' a b '.rsplit(none, 1) }}{{ ''.split() }}{{ ''.split(',') }}{{ 'aXbXc'.split(sep='X', maxsplit=1) }}
{{ 'abc'.startswith(('x','ab')) }}{{ 'abc'.endswith('c') }}{{ 'abc'.startswith('b', 1) }}{{ 'abc'.endswith('b', 0, 2) }}
{{ '{}-{}'.format(1,'a') }}{{ '{1}{0}{{}}'.format(1,2) }}{{ '{a}{b.c}{l[0]}'.format(a=1, b={'c': 2}, l=[3]) }}{{ '{!r:>5}|{:<4}|{:^5}|{:05d}|{:.2f}|{:,}|{:x}|{:+d}|{:%}'.format('a', 'b', 'c', 42, 3.14159, 1234567, 255, 5, 0.5) }}
{{ '%s-%d'|format('a',3) }}{{ '%(a)s'|format(a=1) }}{{ '%5.1f|%-4s|%04d|%x|%%|%r' % (3.14159, 'ab', 42, 255, 'q') }}{{ '%s' % l }}{{ '%s %s' % ('a', none) }}
{{ 'ab cd'.title() }}{{ 'ab-cd'|title }}{{ "it's"|title }}{{ 'ß'.upper() }}{{ 'ÀB'.lower() }}{{ 'hELLO wORLD'.capitalize() }}{{ 'aB'.swapcase() }}{{ 'HeLLo'|lower|upper|capitalize }}
{{ 'a-b-c'.replace('-', '+') }}{{ 'a-b-c'.replace('-', '', 1) }}{{ 'ab'.replace('', '.') }}{{ 'aaa'|replace('a', 'b', 2) }}{{ 'x🙂'.replace('', '-', 2) }}
{{ 'abcabc'.find('c') }}{{ 'abcabc'.rfind('c') }}{{ '🙂b'.find('b') }}{{ 'abc'.find('x') }}{{ 'abcabc'.count('bc') }}{{ 'aaa'.count('') }}{{ 'abc'.index('b') }}{{ 'abcb'.find('b', 2) }}
{{ 'abc'.index('x') }}
{{ 'a=b=c'.partition('=') }}{{ 'a=b=c'.rpartition('=') }}{{ 'abc'.partition('=') }}{{ 'prefix_x'.removeprefix('prefix_') }}{{ 'x.py'.removesuffix('.py') }}
{{ 'a\nb\r\nc\n'.splitlines() }}{{ 'a\nb'.splitlines(true) }}{{ ','.join(['a','b']) }}{{ 'ab'.join('xy') }}{{ 'a'.center(4, '*') }}{{ 'ab'.center(5) }}|{{ 'a'.ljust(3) }}|{{ 'a'.rjust(3, '0') }}{{ '-5'.zfill(4) }}
{{ '12'.isdigit() }}{{ 'a1'.isalnum() }}{{ 'é'.isalpha() }}{{ ' '.isspace() }}{{ ''.isdigit() }}{{ 'ab'.islower() }}{{ 'AB1'.isupper() }}{{ 'Ab'.istitle() }}{{ '½'.isnumeric() }}
a {{- 'b' -}} c
{% raw %}{{ x }}{% y %}{% endraw %}|{%- raw -%} {{ z }} {%- endraw -%} |
{{ 'a\nb\t\\\'\"\x41\u00e9\U0001F642\101\N{BULLET}\q' }}{{ "a'b" }}{{ 'a' 'b' "c" }}{{ 'é\é' }}
{{ 7 // 2 }}{{ 7 / 2 }}{{ -7 % 3 }}{{ -7 // 2 }}{{ 2**3 }}{{ 2 ** -1 }}{{ 7.5 % 2 }}{{ -7.5 // 2 }}{{ 1 + 2 * 3 - 4 }}{{ (1 + 2) * 3 }}{{ 2 ** 3 ** 2 }}{{ -2 ** 2 }}{{ +3 }}{{ true + 1 }}{{ 10 ** 20 }}
{{ 1 / 0 }}
{{ 1 % 0 }}
{{ 1.0 }}{{ 1e-7 }}{{ 1e16 }}{{ 1.5e300 }}{{ 0.1 + 0.2 }}{{ 1/3 }}{{ 100000.0 }}{{ -0.0 }}{{ 123456789.123 }}{{ 0x1F }}{{ 1_000 }}{{ 0b11 }}{{ 0o17 }}{{ 1.5.real }}
{{ {'items':1}['items'] }}{{ {'items':1}.items is defined }}{{ d['b'].c[2]['x'] }}{{ d.b.c.2.x }}{{ d['k'] is none }}{{ d.get('q','dd') }}{{ d.get('k') }}{{ d.keys()|list }}{{ d.values()|list|length }}{{ d.items()|list|first }}{{ d.keys() }}
{{ [1,2][-1] }}{{ 'ab'[-1] }}{{ s[13] }}{{ s[99] }}{{ l[9] is defined }}{{ l['a'] is defined }}{{ ln.index(9) }}{{ ln.count(3) }}
{{ [1] + [2] }}{{ (1,) + (2,) }}{{ 'a' + 'b' }}
{{ 'a' + none }}
{{ 'a' + 1 }}
{{ 'a' + [1] }}
{{ [1] + (2,) }}
{{ none + 1 }}
{{ q.a }}
{{ q + 1 }}
{{ q[0] }}
{{ q() }}
{{ none.x }}[{{ 1.x }}]{{ d.b.zz is defined }}[{{ d.q }}]
{{ d.q.z }}
{% set l2=[] %}{% set _ = l2.append(1) %}{{l2}}
{{ d.update({}) }}
{{ ''.__class__ }}[{{ ''.__class__ is defined }}]
{{ ''.__class__.__mro__ }}
{{ (1).__class__.__base__ }}
{{ raise_exception }}
{{ raise_exception('boom') }}
{{ raise_exception('a' ~ 1) }}
{% set x=1 %}{% for i in [1] %}{% set x=2 %}{% endfor %}{{x}}{% if true %}{% set x=3 %}{% endif %}{{x}}
{% set n=namespace(x=1) %}{% for i in [1] %}{% set n.x=n.x + 1 %}{% endfor %}{{n.x}}{{ n['x'] }}{{ n.q is defined }}
{% set d.x = 1 %}
{% set n=namespace({'a': 1}, b=2) %}{{ n.a + n.b }}
{% set n=namespace(_a=1) %}
{% set a, b = 1, 2 %}{{a}}{{b}}{% set a, b = b, a %}{{a}}{{b}}{% set (c, d2) = 'xy' %}{{ c }}{{ d2 }}{% set a = 1, %}{{ a }}
{% set a, b = [1] %}
{{ ms|selectattr('role','equalto','user')|list|length }}{{ ms|map(attribute='role')|join(',') }}{{ ms|rejectattr('content')|list|length }}{{ ms|selectattr('content','none')|map(attribute='role')|first }}{{ ms|rejectattr('role','in',['user','tool'])|list|length }}{{ ms|selectattr('content','string')|list|length }}
{{ ''|default('x',true) }}{{ q|default('y') }}{{ none|default('z') }}{{ q|d }}{{ 0|default(1, boolean=true) }}{{ q.a|default('y') if q is defined else 'u' }}
{{ '<a>'|safe + '"' }}{{ '"' + '<a>'|safe }}{{ '<a>'|safe ~ '"' }}{{ '<a>'|e }}{{ ('<a>'|safe).upper() }}{{ ['<a>'|safe] }}{{ ('<'|safe) * 2 }}{{ '<a>'|safe|tojson }}{{ '%s'|safe|format('<') }}
{% for k,v in {'b':1,'a':2,'C':0}|dictsort %}{{k}}{% endfor %}{{ {'b':1,'a':2}|dictsort(false, 'value') }}{{ {'b':1,'C':2}|dictsort(true) }}{{ {'b':1,'a':2}|dictsort(reverse=true)|list }}
{{ 1 is number }}{{ 's' is string }}{{ d is mapping }}{{ [] is sequence }}{{ 's' is iterable }}{{ true is boolean }}{{ true is true }}{{ d is not string }}{{ 1 is true }}{{ x is undefined }}{{ 3 is odd }}{{ 4 is even }}{{ 9 is divisibleby 3 }}{{ 9 is divisibleby(2) }}{{ 1.5 is float }}{{ 1 is integer }}{{ true is integer }}{{ none is none }}{{ 'a' is in ['a'] }}{{ 'a' is eq 'a' }}{{ 2 is gt 1 }}{{ 2 is lessthan 1 }}{{ range is callable }}{{ 'abc' is lower }}{{ 'tojson' is filter }}{{ 'odd' is test }}{{ 1 is sameas 1 }}{{ d is iterable }}{{ 1 is iterable }}{{ x is iterable }}
{{ '3'|int + 1 }}{{ 'x'|int }}{{ 'x'|int(5) }}{{ '3.7'|int }}{{ 3.9|int }}{{ '0x1f'|int(0, 16) }}{{ none|int }}{{ '2.5'|float }}{{ 'x'|float }}{{ 3|float }}{{ true|int }}{{ ' 12 '|int }}
{{ 2.567|round(2) }}{{ 2.5|round }}{{ 3.5|round }}{{ 7|round }}{{ 2.1|round(0, 'ceil') }}{{ 2.9|round(method='floor') }}{{ -3|abs }}{{ -1.5|abs }}
{{ range(3)|list }}{% for i in range(2,0,-1) %}{{i}}{% endfor %}{{ range(5)[1] }}{{ range(2)|length }}{{ range(0) }}{{ range(1, 7, 2)|join }}{{ 3 in range(5) }}
{{ range(1000000) }}
{{ strftime_now('%d %b %Y') }}{{ strftime_now('%Y-%m-%d %H:%M:%S %A %B %j %p %I %y %%') }}{{ strftime_now('%-d %-m %e') }}
{{ '' or 'dflt' }}{{ d.q or 'e' }}{{ 0 and 1 }}{{ 1 and 2 }}{{ d.q and d.q.y }}{{ not '' }}{{ not not 1 }}
{{ '🙂a'|length }}{{ '🙂a'[0] }}{{ '🙂a'|reverse }}{{ d|length }}{{ x|length }}{{ ln|count }}
{{ none|length }}
{{ ln|first }}{{ ln|last }}{{ [] |first is defined }}{{ 'abc'|first }}{{ 'abc'|last }}{{ ln|sum }}{{ ms|map(attribute='role')|map('length')|sum }}{{ ln|min }}{{ ln|max }}{{ ls|min }}{{ ls|max(case_sensitive=true) }}
{{ ln|sort }}{{ ls|sort }}{{ ls|sort(case_sensitive=true) }}{{ ln|sort(reverse=true) }}{{ ms|sort(attribute='role')|map(attribute='role')|list }}{{ ls|unique|list }}{{ ls|reverse|list }}{{ ls|join }}{{ [1,none,'x']|join('-') }}{{ ms|join(',', attribute='role') }}
{{ [1, 'a']|sort }}
{{ ls|map('upper')|list }}{{ ['a b']|map('replace', ' ', '_')|first }}{{ ln|select('odd')|list }}{{ ln|reject('gt', 4)|list }}{{ l|select|list }}{{ l|select('string')|list }}{{ [{'a': {'b': 1}}]|map(attribute='a.b')|list }}{{ [{}]|map(attribute='a', default='z')|list }}
{% set g = ln|map('string') %}{{ g|list }}{{ g|list }}{{ (ln|select)|length is defined }}
{{ 'a\nb\n\nc'|indent }}|{{ 'a\nb'|indent(2, true) }}|{{ 'a\n\nb'|indent(width=1, blank=true) }}|{{ 'a\nb'|indent('> ') }}
{{ pad|trim }}|{{ 'xax'|trim('x') }}|{{ none|trim }}|{{ x|trim }}|{{ 5|string + 'a' }}|{{ none|string }}|{{ 'a b  c'|wordcount }}|{{ 'ab'|center(6) }}|{{ ln|string }}
{{ {'a': 1, **{'b': 2}} }}
{{ dict(a=1, b=2) }}{{ dict([('a', 1)]) }}{{ dict({'x': 1}, y=2) }}{{ m(*[1], **{}) if m is defined else 'no' }}
{{ ms[1:][0].role }}{{ ms[-1]['content'] }}{{ (ms|last).role }}{{ ms[0].content.strip() + '!' }}{{ (s + '!')|length }}{{ -1|abs }}{{ 'a'|upper ~ 'b' }}{{ 'a' ~ 'b'|upper }}{{ 1 + 2|string|length }}
{% if e %}1{% elif z %}2{% elif n %}3{% elif [] %}4{% elif {} %}5{% elif 0.0 %}6{% elif '0' %}7{% else %}8{% endif %}
{% if (1, 2) %}t{% endif %}{% if not x %}u{% endif %}{% if d.b.c[2].x == 'y' and 'a' in ls or q.z %}v{% endif %}
{{ q.a.b }}
{% if q.z.z %}{% endif %}
{{ foo('x') }}
{{ 'x'.foo() }}
{{ s is in }}
{{ 1 if }}
{% if %}{% endif %}
{% for x in %}{% endfor %}
{% for %}{% endfor %}
{% endif %}
{% if true %}
{% set 1 = 2 %}
{% set true = 2 %}
{{ a b }}
{{ (1 }}
{{ 'abc }}
{{ 1 | nosuchfilter }}
{{ 1 is nosuchtest }}
{% nosuchtag %}
{% break %}
{# no end
{{ {'a' 1} }}
{{ f(a=1, 2) }}
{{ [1,2,3 }}
{{ @ }}
{% macro m(a=1, b) %}{% endmacro %}
{{ 'a' is string is string }}
""".strip("\n")


MORE_CASES = [
    "a \n {%- if true -%} \n b {% endif %}\n c", "  {% if true %}\n  x\n  {% endif %}\n  y", "a\n{# c #}\nb {# c -#}\n  c",
    "a {%+ if true %} b{% endif +%}\n\nx", "a\r\n{% if true %}\r\nb{% endif %}\r\n", "a\n", "a\n\n", "\n a", "", "{{ 'a\nb' }}",
    "  {{ 1 }}\n  {%- set x = 1 %}\n  {{ x }}", "{{ 'a\r\nb'|length }}", "x{#- a -#} y", "{% raw %}\n a {% endraw %}\nb",
    "{{ {\n'a': [1,\n2]} }}", "{{ {'a': {'b': {}}}.a }}", "a{% if true -%}\n\n b{%- endif %}\n\nc",
]  # one case each, of several lines or none


def run(source, variables):
    """What transformers renders: ("ok", text), ("raised", message) or ("refused", error)."""
    try:
        template = _compile_jinja_template(source)
        template.environment.globals["strftime_now"] = NOW.strftime
        return "ok", template.render(**copy.deepcopy(variables))
    except jinja2.exceptions.TemplateError as error:
        return ("raised" if type(error) is jinja2.exceptions.TemplateError else "refused"), str(error)
    except Exception as error:  # whatever Python raises
        return "refused", f"{type(error).__name__}: {error}"


def write(name, data):
    text = json.dumps(data, ensure_ascii=True, indent=0)
    (HERE / name).write_text(text + "\n")
    print(name, len(text))


def template_cases():
    made = []
    for source in CASES.split("\n") + MORE_CASES:
        kind, text = run(source, VARIABLES)
        if " object at 0x" in text or "<function" in text or "built-in" in text:
            kind, text = "refused", "prints an address"
        made.append({"template": source, kind: text})
    write("template-cases.json", {"variables": VARIABLES, "cases": made})


def tool(name, properties, **more):
    parameters = {"type": "object", "properties": properties, **more}
    return {"type": "function", "function": {"name": name, "description": f"Does <{name}> & 'more'.", "parameters": parameters}}


def call(k, name, arguments):
    return {"id": f"call_0_{k}", "type": "function", "function": {"name": name, "arguments": arguments}}


WEATHER = tool("weather", {"city": {"type": "string", "description": "A \"city\", e.g. 'Zürich'"}}, required=["city"])
SEARCH = tool("search", {"query": {"type": "string"}, "n": {"type": ["integer", "null"], "default": 5}, "x": {"anyOf": [{"type": "number"}]}})
NOTHING = tool("nothing", {})


def user(content):
    return {"role": "user", "content": content}


def assistant(content, *calls, **more):
    message = {"role": "assistant", "content": content, **more}
    return {**message, "tool_calls": list(calls)} if calls else message


def result(content, k=0, name="weather"):
    return {"role": "tool", "tool_call_id": f"call_0_{k}", "name": name, "content": content}


def conversations():
    system = {"role": "system", "content": "You are a helpful assistant."}
    odd = {"q": 'a "b" \'c\' \\ / <x> & \u2028 🙂', "n": 10, "f": 0.5, "one": 1.0, "big": 9007199254740993, "small": 1e-07, "t": True, "none": None, "list": [1, 2.5, "s", []], "o": {"z": {}, "a": [{}]}}
    yield "plain", dict(messages=[system, user("Hi, who are you?")])
    yield "no_system", dict(messages=[user("Hello"), assistant("Hi!")], add_generation_prompt=False)
    yield "turns", dict(messages=[system, user("1+1?"), assistant("2"), user("2+2?"), assistant("4"), user("3+3?")])
    yield "tools", dict(messages=[system, user("What can you do?")], tools=[WEATHER, SEARCH, NOTHING])
    yield "tools_no_system", dict(messages=[user("What can you do?")], tools=[NOTHING])
    yield "call", dict(messages=[system, user("Paris?"), assistant("", call(0, "weather", {"city": "Paris"})), result('{"temp": 21}')], tools=[WEATHER])
    yield "calls", dict(messages=[user("Both?"), assistant("Let me see.", call(0, "weather", {"city": "Rome"}), call(1, "search", odd)), result("21"), result("no <b>", 1, "search"), assistant("Done."), user("And?")], tools=[WEATHER, SEARCH])
    yield "null_content", dict(messages=[user("x"), assistant(None, call(0, "nothing", {})), result("", 0, "nothing"), assistant("ok")], tools=[NOTHING], add_generation_prompt=False)
    yield "text_arguments", dict(messages=[user("x"), assistant("", call(0, "weather", '{"city": "Bern"}')), result("9")], tools=[WEATHER])
    yield "unicode", dict(messages=[{"role": "system", "content": "Tu es « l'assistant » 日本語"}, user("Ünï 🙂 {{ 7*7 }} {% if %} {# x #} \\n <|im_end|>\n\ttab\u2028\u00a0"), assistant("naïve ✅")], add_generation_prompt=False)
    yield "space", dict(messages=[system, user("  Write \n\n"), assistant("\n  Roses \n"), user("   ")])
    yield "empty", dict(messages=[{"role": "system", "content": ""}, user(""), assistant(""), user("x")], tools=[])
    yield "thinking", dict(messages=[user("2+2?"), assistant("<think>\nsum\n</think>\n\n4"), user("7 prime?"), assistant("Yes.", reasoning_content="No divisors.\nSo."), user("bye")], enable_thinking=False)
    yield "parts", dict(messages=[user([{"type": "text", "text": "Look"}, {"type": "image"}, {"type": "text", "text": " here"}])])
    yield "two_systems", dict(messages=[system, user("a"), assistant("b"), system, user("c")])
    yield "bad_role", dict(messages=[{"role": "owner", "content": "x"}, user("y")])
    yield "none", dict(messages=[])


def conversation_cases():
    made = {name: {"tools": None, "documents": None, "add_generation_prompt": True, "bos_token": "<s>", "eos_token": "</s>", **c} for name, c in conversations()}
    results = []
    for path in sorted((HERE / "templates").glob("*.jinja")) + [TINY / "chat_template.jinja"]:
        source = path.read_text()
        name = "tiny" if path.parent == TINY else path.stem
        for conversation, variables in made.items():
            kind, text = run(source, variables)
            results.append({"template": name, "conversation": conversation, kind: text})
    write("conversations.json", {"conversations": made, "results": results})


TEXTS = [
    "", "a", " ", "What is 482 * 917?", "The answer is 441994.", "<|im_start|>user\nhi<|im_end|>\n", "<tool_call>\n{\"name\": \"python\"}\n</tool_call>",
    "Zürich 🙂 日本語 \u00a0\u2028 e\u0301", "a\n\n\nb   c\t\td\r\n", "<|im_end|><|im_end|> <|endoftext|>x", "<|im_start|", "0123 45.67", "\x00\x01\x7f", "İstanbul ß ŉ",
]


def fallback():
    """A sentence-piece-like tokenizer with byte fallback, as Llama 2 has."""
    bytes_ = {f"<0x{b:02X}>": i + 3 for i, b in enumerate(range(256))}
    vocab = {"<unk>": 0, "<s>": 1, "</s>": 2, **bytes_}
    for piece in "▁ a b c d e h l o t ▁a ▁t he ▁the ▁h ll ▁hello".split():
        vocab.setdefault(piece, len(vocab))
    vocab.setdefault("ello", len(vocab))
    vocab.setdefault("llo", len(vocab))
    merges = [("l", "l"), ("h", "e"), ("▁", "a"), ("▁", "t"), ("▁", "h"), ("▁t", "he"), ("ll", "o"), ("e", "llo"), ("▁h", "ello")]
    tok = Tokenizer(models.BPE(vocab, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tok.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tok.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    tok.add_special_tokens(["<unk>", "<s>", "</s>"])
    return saved("fallback", tok)


def saved(name, tok):
    (HERE / name).mkdir(exist_ok=True)
    tok.save(str(HERE / name / "tokenizer.json"))
    return tok


def pieces(*words):
    """Bytes, the words' letters, the words from left to right, and the merges that make them."""
    vocab = {"<unk>": 0, "<bos>": 1, "<eos>": 2, **{f"<0x{b:02X}>": b + 3 for b in range(256)}}
    merges = []
    for word in words:
        for letter in word:
            vocab.setdefault(letter, len(vocab))
        for end in range(2, len(word) + 1):
            if word[:end] not in vocab:
                merges.append((word[: end - 1], word[end - 1]))
                vocab[word[:end]] = len(vocab)
    return vocab, merges


def metaspace():
    """As Mistral has: a space before the first word only, said by pre-tokenizer and decoder."""
    vocab, merges = pieces("▁the", "▁What", "▁is", "hello", "▁a", "er")
    tok = Tokenizer(models.BPE(vocab, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tok.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="first", split=False)
    tok.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    tok.add_special_tokens(["<unk>", "<bos>", "<eos>", "<|im_start|>", "<|im_end|>"])
    tok.post_processor = processors.TemplateProcessing(single="<bos> $A", special_tokens=[("<bos>", 1)])
    return saved("metaspace", tok)


def gemma():
    """As Gemma has: spaces are letters, none is put before the text, runs of them are tokens."""
    vocab, merges = pieces("▁▁▁▁", "▁the", "the", "▁is", "hello", "is")
    tok = Tokenizer(models.BPE(vocab, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tok.normalizer = normalizers.Replace(" ", "▁")
    tok.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    tok.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    tok.add_special_tokens(["<unk>", "<bos>", "<eos>", "<start_of_turn>", "<|im_end|>"])
    tok.add_tokens(["\n\n", "\t"])
    return saved("gemma", tok)


def bytelevel():
    """As Llama 3 has: whole words before merges, NFC as Qwen has, BOS put before the text."""
    letters = pre_tokenizers.ByteLevel.alphabet()
    vocab = {letter: i for i, letter in enumerate(sorted(letters))}
    for word in ["Ġthe", "Ġis", "What", "Ã©", "123"]:
        vocab[word] = len(vocab)
    tok = Tokenizer(models.BPE(vocab, [], ignore_merges=True))
    tok.normalizer = normalizers.NFC()
    split = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
    tok.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(split), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    tok.decoder = decoders.ByteLevel()
    tok.add_special_tokens(["<|begin_of_text|>", "<|im_start|>", "<|im_end|>"])
    bos = tok.token_to_id("<|begin_of_text|>")
    tok.post_processor = processors.TemplateProcessing(single="<|begin_of_text|> $A", special_tokens=[("<|begin_of_text|>", bos)])
    return saved("bytelevel", tok)


def tokenizer_cases():
    made = {}
    tiny = Tokenizer.from_file(str(TINY / "tokenizer.json"))
    for name, tok in dict(tiny=tiny, fallback=fallback(), metaspace=metaspace(), gemma=gemma(), bytelevel=bytelevel()).items():
        cases = []
        for text in TEXTS:
            ids = tok.encode(text, add_special_tokens=False).ids
            cases.append({"text": text, "ids": ids, "kept": tok.decode(ids, skip_special_tokens=False), "skipped": tok.decode(ids)})
        rnd = random.Random(1)
        # Random ids are seldom UTF-8. How many U+FFFD one gets then differs between decoders, so only byte-level ones.
        for _ in range(20 if name in ("tiny", "bytelevel") else 0):
            ids = [rnd.randrange(tok.get_vocab_size()) for _ in range(12)]
            cases.append({"ids": ids, "kept": tok.decode(ids, skip_special_tokens=False), "skipped": tok.decode(ids)})
        made[name] = cases
    write("tokenizer-cases.json", made)


if __name__ == "__main__":
    template_cases()
    conversation_cases()
    tokenizer_cases()
