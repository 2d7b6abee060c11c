"""Live transcription through the official Deepgram SDK, of audio from the Cartesia SDK."""

import asyncio
import json
import sys

from cartesia import AsyncCartesia
from deepgram import AsyncDeepgramClient
from deepgram.environment import DeepgramClientEnvironment
from deepgram.core.api_error import ApiError

urls = json.loads(sys.argv[1])
VOICE = {"mode": "id", "id": "any"}
FORMAT = {"container": "raw", "encoding": "pcm_s16le", "sample_rate": 8000}
TEXT = "Hello, I would like to speak to a manager."


def ws(url):
    return url.replace("http", "ws", 1)


def client():
    origin = urls["deepgram"]
    environment = DeepgramClientEnvironment(
        base=origin, production=ws(origin), agent=ws(origin), agent_rest=origin
    )
    return AsyncDeepgramClient(api_key="any", environment=environment)


async def speech(text):
    origin = urls["cartesia"]
    async with AsyncCartesia(api_key="any", base_url=origin, websocket_base_url=ws(origin)) as cartesia:
        async with cartesia.tts.websocket_connect() as connection:
            context = connection.context(model_id="sonic-3", voice=VOICE, output_format=FORMAT)
            await context.send(transcript=text, voice=VOICE, continue_=False)
            chunks = [event.audio async for event in context.receive() if event.type == "chunk"]
            return b"".join(chunks) + bytes(8000)


def listen(**options):
    return client().listen.v1.connect(
        model="nova-3", encoding="linear16", sample_rate=8000, interim_results="true", punctuate="true", **options
    )


async def speech_comes_back_as_text():
    audio = await speech(TEXT)
    async with listen(endpointing=300, vad_events="true", utterance_end_ms=1000) as socket:
        await socket.send_keep_alive()
        for at in range(0, len(audio), 320):
            await socket.send_media(audio[at : at + 320])
        await socket.send_finalize()
        await socket.send_close_stream()
        finals, types = [], set()
        async for message in socket:
            assert not isinstance(message, (dict, str, bytes)), message
            types.add(message.type)
            if message.type == "Results" and message.is_final:
                finals.append(message.channel.alternatives[0].transcript)
    assert " ".join(final for final in finals if final) == TEXT, finals
    assert {"Results", "SpeechStarted", "Metadata"} <= types, types


async def a_bad_query_is_refused():
    try:
        async with client().listen.v1.connect(model="no-such-model", encoding="linear16", sample_rate=8000):
            pass
    except ApiError as error:
        assert error.status_code == 400, error
    else:
        raise AssertionError("an unknown model was accepted")


async def main():
    for check in [speech_comes_back_as_text, a_bad_query_is_refused]:
        await asyncio.wait_for(check(), 20)


asyncio.run(main())
