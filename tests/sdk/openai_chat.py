"""Chat completions through the official OpenAI SDK."""

import json
import sys

import openai

urls = json.loads(sys.argv[1])
client = openai.OpenAI(api_key="any", base_url=urls["openai"], max_retries=0)

TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "dial_operator",
            "description": 'The caller asks for a manager. Examples: "I want to speak to a manager"',
            "parameters": {"type": "object", "properties": {}, "required": []},
        },
    }
]


def ask(said, **options):
    messages = [{"role": "system", "content": "You are Hailey."}, {"role": "user", "content": said}]
    return client.chat.completions.create(model="gpt-4o", messages=messages, tools=TOOLS, **options)


def models_are_listed():
    assert any(model.id == "gpt-4o" for model in client.models.list())


def a_question_is_answered_streamed_and_whole_alike():
    whole = ask("I need help with my bill").choices[0]
    assert whole.finish_reason == "stop" and "bill" in whole.message.content
    chunks = list(ask("I need help with my bill", stream=True, stream_options={"include_usage": True}))
    text = "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)
    assert text == whole.message.content
    assert chunks[-1].choices == [] and chunks[-1].usage.total_tokens > 0


def a_tool_is_called_streamed_and_whole_alike():
    call = ask("I want to speak to a manager").choices[0].message.tool_calls[0]
    assert (call.function.name, json.loads(call.function.arguments)) == ("dial_operator", {})
    with client.chat.completions.stream(
        model="gpt-4o", tools=TOOLS, messages=[{"role": "user", "content": "I want to speak to a manager"}]
    ) as stream:
        final = stream.get_final_completion()
    assert final.choices[0].finish_reason == "tool_calls"
    assert final.choices[0].message.tool_calls[0].function.name == "dial_operator"


def a_tool_call_is_streamed_in_pieces_that_make_one():
    tools = [
        {
            "type": "function",
            "function": {
                "name": "order_status",
                "description": 'The caller asks where an order is. Examples: "where is my order"',
                "parameters": {
                    "type": "object",
                    "properties": {"reason": {"type": "string"}},
                    "required": ["reason"],
                },
            },
        }
    ]
    messages = [{"role": "user", "content": "where is my order"}]
    chunks = list(client.chat.completions.create(model="gpt-4o", messages=messages, tools=tools, stream=True))
    deltas = [delta for chunk in chunks for choice in chunk.choices for delta in choice.delta.tool_calls or []]
    assert len(deltas) > 1, "it came in one piece"
    assert deltas[0].id and deltas[0].type == "function" and deltas[0].function.name == "order_status", deltas[0]
    # The SDK's own readers take id and name from the first piece only, and arguments from all.
    assert all(delta.index == 0 and delta.id is None for delta in deltas[1:]), deltas
    arguments = json.loads("".join(delta.function.arguments or "" for delta in deltas))
    assert set(arguments) == {"reason"}, arguments
    assert [c.finish_reason for chunk in chunks for c in chunk.choices if c.finish_reason] == ["tool_calls"]

    # And the way back: the call and its result are taken, and answered in words.
    call = {"id": deltas[0].id, "type": "function", "function": {"name": "order_status", "arguments": json.dumps(arguments)}}
    messages += [
        {"role": "assistant", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": deltas[0].id, "content": '{"status": "on its way"}'},
    ]
    answer = client.chat.completions.create(model="gpt-4o", messages=messages, tools=tools).choices[0]
    assert answer.finish_reason == "stop" and answer.message.content, answer
    without = [messages[0], messages[1]]
    try:
        client.chat.completions.create(model="gpt-4o", messages=without, tools=tools)
    except openai.BadRequestError:
        pass
    else:
        raise AssertionError("a call without its result was accepted")


def refusals_are_the_sdk_s_own_errors():
    for model, expected in [("does-not-exist", openai.NotFoundError), ("gpt-4o", openai.BadRequestError)]:
        try:
            client.chat.completions.create(model=model, messages=[] if model == "gpt-4o" else [{"role": "user", "content": "hi"}])
        except expected as error:
            assert error.status_code in (400, 404)
        else:
            raise AssertionError(f"{model} was accepted")


for check in [
    models_are_listed,
    a_question_is_answered_streamed_and_whole_alike,
    a_tool_is_called_streamed_and_whole_alike,
    a_tool_call_is_streamed_in_pieces_that_make_one,
    refusals_are_the_sdk_s_own_errors,
]:
    check()
