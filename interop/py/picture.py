"""Reading what the sample media shows and plays, and drawing the like of it."""

import array
import math
from fractions import Fraction

import av

WIDTH, HEIGHT, BLOCK, MARK = 640, 360, 40, 0xA000
# (red, green, blue) and Hz by second.
COLOURS = [(200, 30, 30), (30, 160, 30), (30, 60, 200), (200, 180, 20), (180, 30, 180), (20, 170, 180)]
TONES = [400, 550, 700, 900, 1150, 1450]
FRAMES = 360


def frame_number(frame):
    """The number in the row of blocks along the bottom edge; None when there is none."""
    luma = frame.planes[0]
    pixels, stride = memoryview(luma), luma.line_size
    value = 0
    for block in range(16):
        value = value << 1 | (pixels[340 * stride + BLOCK * block + BLOCK // 2] > 128)
    return value & 0xFFF if value >> 12 == MARK >> 12 else None


def _mean(plane, x, y, size):
    pixels, stride = memoryview(plane), plane.line_size
    rows = (pixels[(y + row) * stride + x : (y + row) * stride + x + size] for row in range(size))
    return sum(map(sum, rows)) / (size * size)


def colour_row(frame):
    """Which row of the colour table the background shows, and how far it is off."""
    luma = 1.164 * (_mean(frame.planes[0], 92, 242, 16) - 16)
    blue = _mean(frame.planes[1], 46, 121, 8) - 128
    red = _mean(frame.planes[2], 46, 121, 8) - 128
    rgb = (luma + 1.596 * red, luma - 0.392 * blue - 0.813 * red, luma + 2.017 * blue)
    return min((max(abs(a - b) for a, b in zip(rgb, c)), row) for row, c in enumerate(COLOURS))[::-1]


def tone_row(frame):
    """Which row of the tone table an audio frame plays; None for a mixture or silence."""
    step = max(frame.sample_rate // 8000, 1)
    samples = array.array("h", bytes(frame.planes[0])[: frame.samples * 2 * len(frame.layout.channels)])
    samples = samples[:: step * len(frame.layout.channels)]
    rate, energy = frame.sample_rate / step, sum(s * s for s in samples)
    if energy < 1_000_000 * len(samples):
        return None
    shares = []
    for row, tone in enumerate(TONES):
        # Goertzel's filter: the share of the energy at one pitch.
        factor, last, before = 2 * math.cos(2 * math.pi * tone / rate), 0.0, 0.0
        for sample in samples:
            last, before = sample + factor * last - before, last
        power = last * last + before * before - factor * last * before
        shares.append((2 * power / (energy * len(samples)), row))
    share, row = max(shares)
    return row if share > 0.85 else None


def draw(number):
    """A frame with `number` in its row of blocks, on a background that moves a little."""
    frame = av.VideoFrame(WIDTH, HEIGHT, "yuv420p")
    luma, value = bytearray([96 + number % 64]) * (WIDTH * HEIGHT), MARK | number
    for block in range(16):
        if value >> (15 - block) & 1:
            for y in range(320, 360):
                at = y * WIDTH + block * BLOCK
                luma[at : at + BLOCK] = b"\xeb" * BLOCK
        else:
            for y in range(320, 360):
                at = y * WIDTH + block * BLOCK
                luma[at : at + BLOCK] = b"\x10" * BLOCK
    for plane, data in zip(frame.planes, (bytes(luma), b"\x80" * (320 * 180), b"\x80" * (320 * 180))):
        width, stride = plane.width, plane.line_size
        if stride != width:
            rows = (data[at : at + width].ljust(stride, b"\0") for at in range(0, len(data), width))
            data = b"".join(rows)
        plane.update(data.ljust(plane.buffer_size, b"\0"))
    return frame


def play(start, samples, rate, tone):
    """A frame of a sine, beginning at sample `start`."""
    frame = av.AudioFrame(format="s16", layout="mono", samples=samples)
    wave = (round(13_000 * math.sin(2 * math.pi * tone * (start + i) / rate)) for i in range(samples))
    frame.planes[0].update(array.array("h", wave).tobytes().ljust(frame.planes[0].buffer_size, b"\0"))
    frame.sample_rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
    return frame


def decoded(path, kind):
    """The frames of a media file; sound as 16-bit mono."""
    with av.open(str(path)) as file:
        if kind == "video":
            yield from file.decode(video=0)
        else:
            mono = av.AudioResampler(format="s16", layout="mono")
            for frame in file.decode(audio=0):
                yield from mono.resample(frame)
