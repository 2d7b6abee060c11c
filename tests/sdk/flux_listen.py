"""Turns of Deepgram's Flux through the official Deepgram SDK, of audio from the Cartesia SDK."""

import asyncio

from deepgram.core.api_error import ApiError
from deepgram.listen.v2.types import ListenV2Configure, ListenV2ConfigureThresholds

from vendors import deepgram, speech

RATE = 16000
EVENTS = {"Update", "StartOfTurn", "EagerEndOfTurn", "TurnResumed", "EndOfTurn"}


def listen(**options):
    return deepgram().listen.v2.connect(model="flux-general-en", encoding="linear16", sample_rate=RATE, **options)


async def send(socket, audio):
    for at in range(0, len(audio), RATE // 50 * 2):
        await socket.send_media(audio[at : at + RATE // 50 * 2])


async def messages(socket):
    """Every message until the end, each understood by the SDK's own models and numbered in order."""
    expected = 0
    async for message in socket:
        assert message.type in {"Connected", "TurnInfo", "ConfigureSuccess", "ConfigureFailure"}, message
        # The SDK constructs without validating: what it could not read would be missing or of another type.
        type(message).model_validate(message.model_dump())
        assert message.sequence_id == expected, (message.sequence_id, expected)
        expected += 1
        yield message


async def turns_begin_and_end_with_their_words():
    audio = await speech("I want to speak to a manager.", RATE) + bytes(RATE * 2)
    async with listen(eot_threshold=0.7, eager_eot_threshold=0.4, eot_timeout_ms=3000, tag="call-7") as socket:
        await send(socket, audio)
        await socket.send_close_stream()
        told = [message async for message in messages(socket)]
    assert told[0].type == "Connected", told[0]
    turns = [message for message in told if message.type == "TurnInfo"]
    assert {turn.event for turn in turns} <= EVENTS
    events = [turn.event for turn in turns if turn.event != "Update"]
    assert events[0] == "StartOfTurn" and events[-1] == "EndOfTurn" and "EagerEndOfTurn" in events, events
    last = turns[-1] if turns[-1].event == "EndOfTurn" else next(t for t in reversed(turns) if t.event == "EndOfTurn")
    assert last.transcript == "I want to speak to a manager.", last.transcript
    assert last.trigger == "model" and last.turn_index == 0 and last.end_of_turn_confidence >= 0.7, last
    assert [word.word for word in last.words] == last.transcript.split(), last.words


async def a_turn_is_ended_by_hand():
    audio = await speech("My number is", RATE)
    async with listen(eot_threshold=0.9, eot_timeout_ms=60000) as socket:
        await send(socket, audio)
        await socket.send_force_end_turn()
        await socket.send_close_stream()
        ends = [m async for m in messages(socket) if m.type == "TurnInfo" and m.event == "EndOfTurn"]
    assert [(end.trigger, end.transcript) for end in ends] == [("manual", "My number is")], ends


async def thresholds_change_within_the_stream():
    async with listen() as socket:
        new = ListenV2ConfigureThresholds(eot_threshold=0.8, eot_timeout_ms=2000)
        await socket.send_configure(ListenV2Configure(thresholds=new))
        wrong = ListenV2ConfigureThresholds(eot_threshold=0.1)
        await socket.send_configure(ListenV2Configure(thresholds=wrong))
        await socket.send_close_stream()
        _, changed, refused = [message async for message in messages(socket)]
    assert changed.type == "ConfigureSuccess" and changed.thresholds.eot_threshold == 0.8, changed
    assert changed.thresholds.eot_timeout_ms == 2000, changed
    assert refused.type == "ConfigureFailure", refused


async def a_bad_query_is_refused():
    try:
        async with deepgram().listen.v2.connect(model="nova-3", encoding="linear16", sample_rate=RATE):
            pass
    except ApiError as error:
        assert error.status_code == 400, error
    else:
        raise AssertionError("a model that is none of Flux's was accepted")


async def main():
    for check in [
        turns_begin_and_end_with_their_words,
        a_turn_is_ended_by_hand,
        thresholds_change_within_the_stream,
        a_bad_query_is_refused,
    ]:
        await asyncio.wait_for(check(), 20)


asyncio.run(main())
