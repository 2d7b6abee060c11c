"""Live transcription through the official Deepgram SDK, of audio from the Cartesia SDK."""

import asyncio

from deepgram.core.api_error import ApiError

from vendors import deepgram, speech

TEXT = "Hello, I would like to speak to a manager."


def listen(**options):
    return deepgram().listen.v1.connect(
        model="nova-3", encoding="linear16", sample_rate=8000, interim_results="true", punctuate="true", **options
    )


async def speech_comes_back_as_text():
    audio = await speech(TEXT, 8000)
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
        async with deepgram().listen.v1.connect(model="no-such-model", encoding="linear16", sample_rate=8000):
            pass
    except ApiError as error:
        assert error.status_code == 400, error
    else:
        raise AssertionError("an unknown model was accepted")


async def main():
    for check in [speech_comes_back_as_text, a_bad_query_is_refused]:
        await asyncio.wait_for(check(), 20)


asyncio.run(main())
