#!/usr/bin/env python3
"""Makes tests/golden/chat.json: conversations as transformers writes them by chat templates.

Pinned: Python 3.11, transformers 5.24.0, tokenizers 0.23.3, jinja2 3.1.6.

    python make_chat.py

The templates were written for this test. They have the constructs that the templates of real models
have, named after the family whose format they write. Today is 26 July 2024.
"""

import datetime
import itertools
import json
import pathlib

import transformers.utils.chat_template_utils as chat_template_utils
from tokenizers import Tokenizer, models
from transformers import PreTrainedTokenizerFast

HERE = pathlib.Path(__file__).parent

SPECIAL = dict(bos_token="<s>", eos_token="</s>", unk_token="<unk>", pad_token="<pad>")

CHATML = """\
{% for message in messages %}{% if loop.first and message['role'] != 'system' %}\
{{ '<|im_start|>system\\nYou answer briefly.<|im_end|>\\n' }}{% endif %}\
{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}\
{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"""

# Blocks on lines of their own, which trim_blocks and lstrip_blocks remove.
CHATML_LINES = """\
{% for message in messages %}
    {# whose turn #}
    {% if message.role == 'assistant' %}
{{ '<|im_start|>assistant\n' }}{% generation %}{{ message.content }}<|im_end|>{% endgeneration %}

    {% else %}
<|im_start|>{{ message.role }}
{{ message.content | trim }}<|im_end|>
    {% endif %}
{% endfor %}
{%- if add_generation_prompt %}
{{- '<|im_start|>assistant\n' -}}
{% endif %}
"""

LLAMA3 = """\
{{- bos_token }}
{%- if custom_tools is defined %}
    {%- set tools = custom_tools %}
{%- endif %}
{%- if not date_string is defined %}
    {%- if strftime_now is defined %}
        {%- set date_string = strftime_now("%d %b %Y") %}
    {%- else %}
        {%- set date_string = "1 Jan 1970" %}
    {%- endif %}
{%- endif %}
{%- if not tools is defined %}
    {%- set tools = none %}
{%- endif %}
{%- if messages[0]['role'] == 'system' %}
    {%- set system_message = messages[0]['content']|trim %}
    {%- set messages = messages[1:] %}
{%- else %}
    {%- set system_message = "" %}
{%- endif %}
{{- "<|start_header_id|>system<|end_header_id|>\\n\\n" }}
{%- if tools is not none %}
    {{- "Tools: " ~ (tools | tojson) }}
{%- endif %}
{{- "Today Date: " + date_string + "\\n\\n" }}
{{- system_message }}
{{- "<|eot_id|>" }}
{%- for message in messages %}
    {%- if not (message.role == 'ipython' or 'tool_calls' in message) %}
        {{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n' }}
        {{- message['content'] | trim + '<|eot_id|>' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}
{%- endif %}
"""

QWEN = """\
{%- if tools %}
    {{- '<|im_start|>system\\n# Tools\\n' }}
    {%- for tool in tools %}{{- tool | tojson }}{%- endfor %}
{%- else %}
    {%- if messages[0]['role'] == 'system' %}
        {{- '<|im_start|>system\\n' + messages[0]['content'] + '<|im_end|>\\n' }}
    {%- else %}
        {{- '<|im_start|>system\\nYou are helpful.<|im_end|>\\n' }}
    {%- endif %}
{%- endif %}
{%- set ns = namespace(last_query=messages|length - 1, found=false) %}
{%- for message in messages[::-1] %}
    {%- set index = (messages|length - 1) - loop.index0 %}
    {%- if not ns.found and message.role == "user" and message.content is string \
and not(message.content.startswith('<tool>') and message.content.endswith('</tool>')) %}
        {%- set ns.found = true %}
        {%- set ns.last_query = index %}
    {%- endif %}
{%- endfor %}
{%- for message in messages %}
    {%- if (message.role == "user") or (message.role == "system" and not loop.first) %}
        {{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}
    {%- elif message.role == "assistant" %}
        {%- set content = message.content %}
        {%- if '</think>' in content %}
            {%- set thought = content.split('</think>')[0].rstrip('\\n')\
.split('<think>')[-1].lstrip('\\n') %}
            {%- set content = content.split('</think>')[-1].lstrip('\\n') %}
            {%- if loop.index0 > ns.last_query %}
                {%- set content = '<think>' + thought.strip() + '</think>' + content %}
            {%- endif %}
        {%- endif %}
        {{- '<|im_start|>' + message.role + '\\n' + content }}
        {%- if message.tool_calls %}
            {%- for call in message.tool_calls %}{{- call.arguments | tojson }}{%- endfor %}
        {%- endif %}
        {{- '<|im_end|>\\n' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
    {%- if enable_thinking is defined and enable_thinking is false %}
        {{- '<think>\\n\\n</think>\\n\\n' }}
    {%- endif %}
{%- endif %}
"""

GEMMA3 = """\
{{ bos_token }}
{%- if messages[0]['role'] == 'system' -%}
    {%- if messages[0]['content'] is string -%}
        {%- set first_user_prefix = messages[0]['content'] + '

' -%}
    {%- else -%}
        {%- set first_user_prefix = messages[0]['content'][0]['text'] -%}
    {%- endif -%}
    {%- set loop_messages = messages[1:] -%}
{%- else -%}
    {%- set first_user_prefix = "" -%}
    {%- set loop_messages = messages -%}
{%- endif -%}
{%- for message in loop_messages -%}
    {%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) -%}
        {{ raise_exception("Turns must alternate between user and assistant") }}
    {%- endif -%}
    {%- if (message['role'] == 'assistant') -%}
        {%- set role = "model" -%}
    {%- else -%}
        {%- set role = message['role'] -%}
    {%- endif -%}
    {{ '<start_of_turn>' + role + '
' + (first_user_prefix if loop.first else "") }}
    {%- if message['content'] is string -%}
        {{ message['content'] | trim }}
    {%- elif message['content'] is iterable -%}
        {%- for item in message['content'] -%}{{ item['text'] | trim }}{%- endfor -%}
    {%- else -%}
        {{ raise_exception("No text") }}
    {%- endif -%}
    {{ '<end_of_turn>
' }}
{%- endfor -%}
{%- if add_generation_prompt -%}
    {{'<start_of_turn>model
'}}
{%- endif -%}
"""

MISTRAL = """\
{%- if messages[0]["role"] == "system" %}
    {%- set system_message = messages[0]["content"] %}
    {%- set loop_messages = messages[1:] %}
{%- else %}
    {%- set loop_messages = messages %}
{%- endif %}
{{- bos_token }}
{%- for message in loop_messages %}
    {%- if message['role'] == 'user' %}
        {%- if loop.last and system_message is defined %}
            {{- '[INST] ' + system_message + '\\n\\n' + message['content'] + '[/INST]' }}
        {%- else %}
            {{- '[INST] ' + message['content'] + '[/INST]' }}
        {%- endif %}
    {%- elif message['role'] == 'assistant' %}
        {{- ' ' + message['content'] + eos_token }}
    {%- else %}
        {{- raise_exception('Only user and assistant roles are supported, not ' + message['role']) }}
    {%- endif %}
{%- endfor %}
"""

JSON = """\
{%- for message in messages if message.role != 'system' %}
    {%- if loop.index > 3 %}{%- break %}{%- endif %}
    {{- {'n': loop.index, 'content': message.content, 'flags': [true, none, 1.5]} | tojson }}
    {{- {'text': message.content.upper()} | tojson(indent=2) }}
    {%- for key, value in message.items() %}{{- key | title ~ '=' ~ value|length ~ ';' }}{%- endfor %}
{%- else %}
    {{- 'nobody spoke on ' ~ strftime_now('%Y-%m-%d, %A, %H:%M') }}
{%- endfor %}
"""

TEMPLATES = dict(
    chatml=CHATML,
    chatml_lines=CHATML_LINES,
    llama3=LLAMA3,
    qwen=QWEN,
    gemma3=GEMMA3,
    mistral=MISTRAL,
    json=JSON,
)

CONVERSATIONS = [
    [("user", "What is the capital of Japan?")],
    [("system", "Be brief. "), ("user", "  Say \"hi\" & <b>smile</b>\n")],
    [("user", "Größe? 東京 🙂"), ("assistant", " 1,5 m\n"), ("user", "Danke")],
    [
        ("system", "You translate."),
        ("user", "dog"),
        ("assistant", "<think>\nwhich language?\n</think>\n\nHund"),
        ("user", "<tool>cat</tool>"),
        ("assistant", "<think>same\n</think>\nKatze"),
    ],
    [("system", "Alone.")],
    [("user", "one"), ("user", "two"), ("critic", "no")],
]


class Today(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return cls(2024, 7, 26)


def main():
    chat_template_utils.datetime = Today
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer(models.WordLevel({"<unk>": 0}, unk_token="<unk>")), **SPECIAL
    )
    cases = []
    for name, conversation, prompt in itertools.product(TEMPLATES, CONVERSATIONS, (False, True)):
        messages = [dict(role=role, content=content) for role, content in conversation]
        case = dict(template=name, messages=conversation, add_generation_prompt=prompt)
        try:
            case["text"] = tokenizer.apply_chat_template(
                messages,
                chat_template=TEMPLATES[name],
                add_generation_prompt=prompt,
                tokenize=False,
            )
        except Exception as error:
            case["error"] = str(error)
        cases.append(case)
    golden = dict(special_tokens=SPECIAL, templates=TEMPLATES, cases=cases)
    text = json.dumps(golden, ensure_ascii=False, indent=1)
    (HERE / "chat.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
