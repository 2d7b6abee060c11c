"""Text to speech over the socket through the official Cartesia SDK."""

import asyncio
import json
import sys

from cartesia import AsyncCartesia

urls = json.loads(sys.argv[1])
VOICE = {"mode": "id", "id": "b7d50908-b17c-442d-ad8d-810c63997ed9"}
FORMAT = {"container": "raw", "encoding": "pcm_s16le", "sample_rate": 16000}


def client():
    origin = urls["cartesia"]
    return AsyncCartesia(api_key="any", base_url=origin, websocket_base_url=origin.replace("http", "ws", 1))


async def a_context_is_spoken_with_words_and_ends(connection):
    context = connection.context(model_id="sonic-3", voice=VOICE, output_format=FORMAT)
    await context.push("Hello there. ", add_timestamps=True)
    await context.push("How are you today?", add_timestamps=True)
    await context.no_more_inputs()
    audio, words, types = b"", [], []
    async for event in context.receive():
        types.append(event.type)
        if event.type == "chunk":
            audio += event.audio
        elif event.type == "timestamps":
            words += event.word_timestamps.words
    assert types[-1] == "done", types
    assert words == "Hello there. How are you today?".split(), words
    assert len(audio) > 16000 * 2, len(audio)


async def two_contexts_speak_side_by_side(connection):
    async def speak(text):
        context = connection.context(model_id="sonic-3", voice=VOICE, output_format=FORMAT)
        await context.send(transcript=text, voice=VOICE, continue_=False)
        return [event.type async for event in context.receive()]

    for types in await asyncio.gather(speak("One."), speak("Two.")):
        assert types[0] == "chunk" and types[-1] == "done", types


async def a_cancelled_context_does_not_disturb_the_next(connection):
    context = connection.context(model_id="sonic-3", voice=VOICE, output_format=FORMAT)
    await context.push("Nobody will hear all of this. " * 20)
    await context.cancel()
    await two_contexts_speak_side_by_side(connection)


async def an_unknown_model_is_an_error(connection):
    context = connection.context(model_id="nova-3", voice=VOICE, output_format=FORMAT)
    await context.send(transcript="Hello.", voice=VOICE, continue_=False)
    events = [event async for event in context.receive()]
    assert events[-1].type == "error" and events[-1].error_code == "model_not_found", events


async def main():
    async with client() as cartesia, cartesia.tts.websocket_connect() as connection:
        for check in [
            a_context_is_spoken_with_words_and_ends,
            two_contexts_speak_side_by_side,
            a_cancelled_context_does_not_disturb_the_next,
            an_unknown_model_is_an_error,
        ]:
            await asyncio.wait_for(check(connection), 20)


asyncio.run(main())
