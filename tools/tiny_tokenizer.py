#!/usr/bin/env python3
"""Makes models/tiny: the tokenizer and chat template of the tiny policy.

    python -m venv /tmp/venv && /tmp/venv/bin/pip install tokenizers transformers jinja2
    /tmp/venv/bin/python tools/tiny_tokenizer.py [folder] [--check]

Byte-level BPE with 512 ids: 256 bytes, 249 merges, 7 specials (505..511). Digits are single tokens,
as Qwen2 splits them. The same input gives the same files. --check also loads the folder with transformers.
"""

import json
import random
import sys
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

VOCAB = 512
SPECIALS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]  # dropped by skip_special_tokens
MARKS = ["<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>"]  # kept by it
QWEN2_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)

CHAT_TEMPLATE = """\
{%- if messages and messages[0].role == 'system' %}
    {%- set system = messages[0].content %}
    {%- set rest = messages[1:] %}
{%- else %}
    {%- set system = '' %}
    {%- set rest = messages %}
{%- endif %}
{%- if system or tools %}
    {{- '<|im_start|>system\\n' + system }}
    {%- if tools %}
        {{- '\\nTools:' }}
        {%- for tool in tools %}
            {%- set tool = tool.function if tool.function is defined else tool %}
            {{- '\\n{"name": ' + tool.name|tojson + ', "arguments": {' }}
            {%- for name, schema in tool.parameters.properties|default({}, true)|items %}
                {{- name|tojson + ': ' + schema.type|default('any')|tojson }}
                {{- ', ' if not loop.last }}
            {%- endfor %}
            {{- '}}' }}
        {%- endfor %}
    {%- endif %}
    {{- '<|im_end|>\\n' }}
{%- endif %}
{%- for message in rest %}
    {%- if message.role == 'assistant' %}
        {{- '<|im_start|>assistant' }}
        {%- if message.content or not message.tool_calls %}
            {{- '\\n' + message.content|default('', true) }}
        {%- endif %}
        {%- for call in message.tool_calls|default([], true) %}
            {%- set call = call.function if call.function is defined else call %}
            {{- '\\n<tool_call>\\n{"name": ' + call.name|tojson + ', "arguments": ' }}
            {{- call.arguments if call.arguments is string else call.arguments|tojson }}
            {{- '}\\n</tool_call>' }}
        {%- endfor %}
        {{- '<|im_end|>\\n' }}
    {%- elif message.role == 'tool' %}
        {%- if loop.first or loop.previtem.role != 'tool' %}
            {{- '<|im_start|>user' }}
        {%- endif %}
        {{- '\\n<tool_response>\\n' + message.content + '\\n</tool_response>' }}
        {%- if loop.last or loop.nextitem.role != 'tool' %}
            {{- '<|im_end|>\\n' }}
        {%- endif %}
    {%- else %}
        {{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
{%- endif %}
"""

QUESTIONS = [
    "What is {e}?", "Compute {e}.", "{e} is?", "{e}=", "How much is {e}?", "Calculate {e}", "Please work out {e}.",
    "What is the result of {e}?", "Tell me the value of {e}.", "Find {e}.", "Evaluate {e}.", "Solve {e}",
    "What is the product of {a} and {b}?", "What is the sum of {a} and {b}?", "What does {e} equal?",
    "Subtract {b} from {a}.", "Add {a} and {b}.", "Multiply {a} by {b}.", "Divide {a} by {b}.",
]
OTHER = [
    "Hello! How can I help you today?", "Thank you.", "Yes.", "No.", "I don't know.", "Error: division by zero",
    "Error: name is not defined", "Error: unreadable tool call", "Traceback (most recent call last):",
    "SyntaxError: invalid syntax", "The tool failed; try again.", "Use the tool to compute the answer.",
    "You can use tools.", "You are a helpful assistant.", "Answer with a number only.",
    "for i in range(10):\n    print(i)", "import math\nprint(math.sqrt(2))", "def f(x):\n    return x + 1\n",
    "There are many ways to do this, and this one is as good as any other.",
    '{"name": "search", "arguments": {"query": "weather in Paris"}}', '{"type": "object", "properties": {}}',
]


def expression(rnd):
    a, b = (rnd.randrange(10 ** rnd.randint(1, 4)) for _ in range(2))
    sign, word = rnd.choice([("*", "times"), ("+", "plus"), ("-", "minus"), ("//", "divided by"), ("%", "mod")])
    return a, b, f"{a} {sign} {b}", f"{a} {rnd.choice([sign, sign, word])} {b}"


def corpus():
    rnd = random.Random(0)
    for _ in range(2000):
        a, b, code, spoken = expression(rnd)
        answer = rnd.choice(["{}", "The answer is {}.", "{}.", "It is {}.", "The result is {}."]).format(a * b)
        # The pieces between special tokens, as the tokenizer cuts them.
        yield 'system\nYou can use tools.\nTools:\n{"name": "python", "arguments": {"code": "string"}}'
        yield from ["\n", "user\n" + rnd.choice(QUESTIONS).format(a=a, b=b, e=spoken), "\n", "assistant\n"]
        yield '\n{"name": "python", "arguments": {"code": "print(' + code + ')"}}\n'
        yield from ["\n", "user\n", f"\n{a * b}\n", "\n", "assistant\n" + answer, "\n"]
        if rnd.random() < 0.5:
            yield rnd.choice(OTHER)


def tokenizer():
    tok = Tokenizer(models.BPE())
    tok.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(QWEN2_SPLIT), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    tok.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCAB - len(SPECIALS) - len(MARKS),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tok.train_from_iterator(corpus(), trainer)
    tok.add_tokens([AddedToken(t, special=t in SPECIALS, normalized=False) for t in SPECIALS + MARKS])
    assert tok.get_vocab_size() == VOCAB, tok.get_vocab_size()
    return tok


def write(folder):
    tok = tokenizer()
    tok.save(str(folder / "tokenizer.json"))
    (folder / "chat_template.jinja").write_text(CHAT_TEMPLATE)
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "add_bos_token": False,
        "bos_token": None,
        "eos_token": "<|im_end|>",
        "pad_token": "<|endoftext|>",
        "unk_token": None,
        "clean_up_tokenization_spaces": False,
        "model_max_length": 1024,
    }
    specials = {"eos_token": "<|im_end|>", "pad_token": "<|endoftext|>"}
    for name, data in [("tokenizer_config.json", config), ("special_tokens_map.json", specials)]:
        (folder / name).write_text(json.dumps(data, indent=2) + "\n")
    return tok


def check(folder, tok):
    from transformers import AutoTokenizer

    hf = AutoTokenizer.from_pretrained(folder)
    call = {"type": "function", "function": {"name": "python", "arguments": {"code": "print(482 * 917)"}}}
    tool = {"type": "function", "function": {"name": "python", "description": "Runs Python.", "parameters": {
        "type": "object", "properties": {"code": {"type": "string"}}, "required": ["code"]}}}
    messages = [
        {"role": "system", "content": "You can use tools."},
        {"role": "user", "content": "What is 482 * 917?"},
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "content": "441994"},
        {"role": "assistant", "content": "The answer is 441994."},
    ]
    text = hf.apply_chat_template(messages, tools=[tool], tokenize=False)
    ids = hf.encode(text, add_special_tokens=False)
    print(text)
    print(len(ids), [hf.decode([i]) for i in ids])
    assert hf.decode(ids, skip_special_tokens=False) == text and ids == tok.encode(text).ids
    vocab = tok.get_vocab()
    digits = [t for t in vocab if any(c in "0123456789" for c in t)]
    assert sorted(digits) == list("0123456789"), digits
    assert vocab["<|im_end|>"] == hf.eos_token_id == 507
    print("bytes", (folder / "tokenizer.json").stat().st_size)


if __name__ == "__main__":
    arguments = [a for a in sys.argv[1:] if a != "--check"]
    target = Path(arguments[0]) if arguments else Path(__file__).resolve().parent.parent / "models" / "tiny"
    target.mkdir(parents=True, exist_ok=True)
    made = write(target)
    if "--check" in sys.argv:
        check(target, made)
