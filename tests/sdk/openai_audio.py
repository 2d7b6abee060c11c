"""Speech and hearing over HTTP through the official OpenAI SDK: what one says, the other understands."""

import io
import json
import sys
import wave

import openai

urls = json.loads(sys.argv[1])
client = openai.OpenAI(api_key="any", base_url=urls["openai"], max_retries=0)
TEXT = "I want to talk to a person, please."


def wav(samples, rate):
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(samples)
    return file.getvalue()


def speech_is_streamed_and_whole_alike():
    asked = {"model": "gpt-4o-mini-tts", "voice": "alloy", "input": TEXT, "response_format": "pcm"}
    whole = client.audio.speech.create(**asked).read()
    with client.audio.speech.with_streaming_response.create(**asked) as response:
        pieces = list(response.iter_bytes())
    assert b"".join(pieces) == whole and len(whole) > 24000 * 2, (len(pieces), len(whole))


def what_is_spoken_is_transcribed():
    asked = {"model": "gpt-4o-mini-tts", "voice": "alloy", "input": TEXT, "response_format": "pcm"}
    samples = client.audio.speech.create(**asked).read()
    file = ("utterance.wav", wav(samples, 24000), "audio/wav")
    heard = client.audio.transcriptions.create(model="gpt-4o-transcribe", file=file, language="en")
    assert heard.text == TEXT, heard
    text = client.audio.transcriptions.create(model="whisper-1", file=file, response_format="text")
    assert text.strip() == TEXT, text


def refusals_are_the_sdk_s_own_errors():
    def speak(**options):
        return client.audio.speech.create(**{"model": "tts-1", "voice": "alloy", "input": "Hi.", "response_format": "pcm", **options})

    def transcribe(file):
        return client.audio.transcriptions.create(model="whisper-1", file=("a.wav", file, "audio/wav"))

    for refused, expected in [
        (lambda: speak(model="does-not-exist"), openai.NotFoundError),
        (lambda: speak(input=""), openai.BadRequestError),
        (lambda: speak(input="x" * 4097), openai.BadRequestError),
        (lambda: transcribe(b"this is no audio"), openai.BadRequestError),
    ]:
        try:
            refused()
        except expected:
            pass
        else:
            raise AssertionError(f"{expected} was not raised")


for check in [
    speech_is_streamed_and_whole_alike,
    what_is_spoken_is_transcribed,
    refusals_are_the_sdk_s_own_errors,
]:
    check()
