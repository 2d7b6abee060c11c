"""Speech of Deepgram's Aura over HTTP through the official Deepgram SDK, heard again by its live transcription."""

import asyncio

from deepgram.core.api_error import ApiError

from vendors import deepgram

TEXT = "Of course. One moment, please."


async def spoken(text, **options):
    chunks = deepgram().speak.v1.audio.generate(text=text, container="none", tag="call-7", **options)
    return [chunk async for chunk in chunks]


async def heard(audio, encoding, rate):
    async with deepgram().listen.v1.connect(
        model="nova-3", encoding=encoding, sample_rate=rate, punctuate="true"
    ) as socket:
        for at in range(0, len(audio), 640):
            await socket.send_media(audio[at : at + 640])
        await socket.send_finalize()
        await socket.send_close_stream()
        finals = [m.channel.alternatives[0].transcript async for m in socket if m.type == "Results" and m.is_final]
    return " ".join(final for final in finals if final)


async def what_is_spoken_is_heard_in_every_encoding():
    for encoding, rate in [("linear16", 16000), ("linear16", 8000), ("mulaw", 8000), ("alaw", 8000)]:
        chunks = await spoken(TEXT, model="aura-2-thalia-en", encoding=encoding, sample_rate=rate)
        text = await heard(b"".join(chunks) + (b"\xff" if encoding == "mulaw" else b"\xd5" if encoding == "alaw" else b"\0") * rate, encoding, rate)
        assert text == TEXT, (encoding, rate, text)


async def refusals_are_the_sdk_s_own_errors():
    linear = {"encoding": "linear16", "sample_rate": 16000}
    for text, options, status in [
        ("", {"model": "aura-2-thalia-en", **linear}, 400),
        ("Hello.", {"model": "nova-3", **linear}, 400),
        ("Hello.", {"model": "aura-2-thalia-en", "encoding": "mulaw", "sample_rate": 44100}, 400),
        ("x" * 2001, {"model": "aura-2-thalia-en", **linear}, 413),
    ]:
        try:
            await spoken(text, **options)
        except ApiError as error:
            assert error.status_code == status, (error.status_code, status, options)
        else:
            raise AssertionError(f"accepted: {options}")


async def main():
    for check in [what_is_spoken_is_heard_in_every_encoding, refusals_are_the_sdk_s_own_errors]:
        await asyncio.wait_for(check(), 30)


asyncio.run(main())
