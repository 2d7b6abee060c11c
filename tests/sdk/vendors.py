"""What the scripts share: where the emulators are, and a voice whose words can be heard again."""

import json
import sys

from cartesia import AsyncCartesia
from deepgram import AsyncDeepgramClient
from deepgram.environment import DeepgramClientEnvironment

urls = json.loads(sys.argv[1])
VOICE = {"mode": "id", "id": "any"}


def ws(url):
    return url.replace("http", "ws", 1)


def deepgram():
    origin = urls["deepgram"]
    environment = DeepgramClientEnvironment(
        base=origin, production=ws(origin), agent=ws(origin), agent_rest=origin
    )
    return AsyncDeepgramClient(api_key="any", environment=environment)


async def speech(text, sample_rate):
    """A text as 16-bit samples with half a second of silence behind it, from the Cartesia SDK."""
    origin = urls["cartesia"]
    format = {"container": "raw", "encoding": "pcm_s16le", "sample_rate": sample_rate}
    async with AsyncCartesia(api_key="any", base_url=origin, websocket_base_url=ws(origin)) as cartesia:
        async with cartesia.tts.websocket_connect() as connection:
            context = connection.context(model_id="sonic-3", voice=VOICE, output_format=format)
            await context.send(transcript=text, voice=VOICE, continue_=False)
            chunks = [event.audio async for event in context.receive() if event.type == "chunk"]
            return b"".join(chunks) + bytes(sample_rate)
