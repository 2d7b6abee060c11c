#!/usr/bin/env python3
"""Makes the spoken clips of tests/audio/speech with espeak-ng: 8 kHz, mu-law, -20 dBFS, no silence before the first sound.

Run from the repository: python3 tests/audio/speech.py. Needs espeak-ng (1.51 made the files that are kept) and
nothing else. The sound that espeak-ng makes carries no licence of its own.
"""
import math, pathlib, struct, subprocess

WORDS = ["yes", "no", "hello", "stop", "operator", "I need help with my bill"]
VOICES = {"man": "en-us", "woman": "en-us+f3", "british": "en-gb"}
RATE, TAPS = 8000, 48


def spoken(text, voice):
    wav = subprocess.run(["espeak-ng", "-v", voice, "--stdout", text], check=True, capture_output=True).stdout
    rate = struct.unpack_from("<I", wav, 24)[0]
    data = wav[wav.index(b"data") + 8:]
    return rate, [s[0] for s in struct.iter_unpack("<h", data[: len(data) // 2 * 2])]


def narrow(rate, samples):
    """Down to the telephone's band with a windowed sinc."""
    cutoff = 2 * 3400 / rate
    out = []
    for n in range(len(samples) * RATE // rate):
        at = n * rate / RATE
        total = 0.0
        for k in range(int(at) - TAPS, int(at) + TAPS + 1):
            if 0 <= k < len(samples):
                x = at - k
                sinc = cutoff if x == 0 else math.sin(math.pi * cutoff * x) / (math.pi * x)
                total += samples[k] * sinc * (0.5 + 0.5 * math.cos(math.pi * x / (TAPS + 1)))
        out.append(total)
    return out


def trimmed(samples):
    edge = max(abs(s) for s in samples) * 0.02
    loud = [n for n, s in enumerate(samples) if abs(s) > edge]
    return samples[loud[0]: loud[-1] + 1]


def ulaw(sample):
    sample = max(-32635, min(32635, int(sample)))
    sign, sample = (0x80, -sample) if sample < 0 else (0, sample)
    sample += 0x84
    exponent = sample.bit_length() - 8
    return ~(sign | exponent << 4 | (sample >> (exponent + 3)) & 0x0F) & 0xFF


for voice, name in VOICES.items():
    for text in WORDS:
        samples = trimmed(narrow(*spoken(text, name)))
        rms = math.sqrt(sum(s * s for s in samples) / len(samples))
        gain = 32768 * 10 ** (-20 / 20) / rms
        place = pathlib.Path("tests/audio/speech") / f"{voice}-{text.split()[-1].lower()}.ulaw"
        place.write_bytes(bytes(ulaw(s * gain) for s in samples))
