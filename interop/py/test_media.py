"""Media both ways: what the sample files show and play, as aiortc decodes it, and aiortc's own."""

import asyncio
import random
from fractions import Fraction

from aiortc import MediaStreamTrack, VideoStreamTrack

import picture
from harness import check, equal, test, until
from programs import MEDIA
from test_viewer import FILES, VIDEO, channel
from viewer import Viewer

CLOCK = {"video": 90_000, "audio": 48_000}
# Each frame is due within this of the other stream's.
APART = 0.080


def _colours_match(video, where=""):
    wrong = [s for s in video.seen if s.number is not None and s.row != s.number // 30 % 6]
    check(not wrong, f"{len(wrong)} pictures{where} have another second's colour")


@test
async def aiortc_watches_h264_and_opus(environment):
    arn = await channel(environment, "watch")
    environment.master(arn, *FILES)
    viewer = Viewer(environment, arn)
    await viewer.watch("audio", "video")
    video = await viewer.sees("video", 150)
    audio = await viewer.sees("audio", 200)
    missing = video.jumps()
    check(missing == 0, f"{missing} of {len(video.seen)} pictures are missing")
    _colours_match(video)
    silent = sum(s.row is None for s in audio.seen[5:])
    # A piece that holds the change from one tone to the next is a mixture.
    check(silent <= len(audio.changes()) * 2 + 1, f"{silent} pieces of sound have no clear tone")
    await until(lambda: video.reports and audio.reports, "no sender report came")
    colours = {row: video.wall(at, CLOCK["video"]) for at, row in video.changes()}
    tones = {row: audio.wall(at, CLOCK["audio"]) for at, row in audio.changes()}
    both = sorted(colours.keys() & tones.keys())
    check(len(both) >= 2, f"colours changed to {[*colours]}, tones to {[*tones]}")
    worst = max((abs(tones[row] - colours[row]) for row in both))
    check(worst <= APART, f"tone and colour are {worst * 1000:.0f} ms apart")
    return (
        f"{len(video.seen)} pictures, {len(audio.seen)} pieces of sound, tone and colour within "
        f"{worst * 1000:.0f} ms, {viewer.figures()}"
    )


async def _watches(environment, video_file, audio_file, video_codec, audio_codec):
    arn = await channel(environment, "codec")
    files = ["--video", MEDIA / video_file] if video_file else []
    environment.master(arn, *files, "--audio", MEDIA / audio_file)
    viewer = Viewer(environment, arn)
    await viewer.watch(*(["audio", "video"] if video_file else ["audio"]))
    figures = [viewer.figures()]
    if video_file:
        video = await viewer.sees("video", 60)
        equal(video.jumps(), 0, "number of missing pictures")
        _colours_match(video)
        check(video_codec in viewer.answer["sdp"], f"the answer has no {video_codec}")
        figures.insert(0, f"{len(video.seen)} pictures")
    audio = await viewer.sees("audio", 100)
    check(audio_codec in viewer.answer["sdp"], f"the answer has no {audio_codec}")
    rows = [row for _, row in audio.changes()]
    check(rows, "the tone never changed")
    check(all((b - a) % 6 == 1 for a, b in zip(rows, rows[1:])), f"the tones came as {rows}")
    return ", ".join(figures)


@test
async def aiortc_watches_vp8_and_pcmu(environment):
    files = ("sample-vp8.ivf", "sample-ulaw.wav")
    return await _watches(environment, *files, "VP8/90000", "PCMU/8000")


@test
async def aiortc_hears_pcma_alone(environment):
    return await _watches(environment, None, "sample-alaw.wav", None, "PCMA/8000")


@test
async def lost_packets_are_sent_again(environment):
    arn = await channel(environment, "loss")
    environment.master(arn, *VIDEO)
    viewer, chance = Viewer(environment, arn), random.Random(1)
    await viewer.offer("video")
    stream = viewer._tap(viewer.pc.getTransceivers()[0])
    lost = 0

    def lose(packet):
        nonlocal lost
        # The most frequent payload type carries the video; the other one, what is sent again.
        main = max(stream.packets, key=stream.packets.get, default=packet.payload_type)
        drop = packet.payload_type == main and sum(stream.packets.values()) > 20
        drop = drop and chance.random() < 0.05
        lost += drop
        return drop

    stream.lose = lose
    await viewer.accept()
    await viewer.connected()
    video = await viewer.sees("video", 150)
    check(lost >= 5, f"only {lost} packets were lost")
    missing = video.jumps()
    again = sum(stream.packets.values()) - max(stream.packets.values())
    check(missing == 0, f"{missing} pictures are missing after {lost} lost and {again} resent packets")
    check(again <= 1.5 * lost + 3, f"{again} packets were resent for {lost} lost")
    return f"{lost} packets lost, {again} sent again, {len(video.seen)} pictures, none missing"


class Camera(VideoStreamTrack):
    """Thirty numbered pictures a second."""

    def __init__(self):
        super().__init__()
        self.sent = 0

    async def recv(self):
        pts, base = await self.next_timestamp()
        frame = picture.draw(self.sent)
        frame.pts, frame.time_base = pts, base
        self.sent += 1
        return frame


class Microphone(MediaStreamTrack):
    """A tone in pieces of 20 ms."""

    kind = "audio"

    def __init__(self, rate, tone):
        super().__init__()
        self.rate, self.tone, self.sent, self.start = rate, tone, 0, None

    async def recv(self):
        loop = asyncio.get_running_loop()
        self.start = self.start or loop.time()
        await asyncio.sleep(max(self.start + self.sent * 0.02 - loop.time(), 0))
        frame = picture.play(self.sent * self.rate // 50, self.rate // 50, self.rate, self.tone)
        frame.time_base = Fraction(1, self.rate)
        self.sent += 1
        return frame


async def _is_recorded(environment, files, rate, extensions, loss=0.0):
    arn = await channel(environment, "talk")
    folder = environment.folder / environment.unique("recorded")
    folder.mkdir()
    master = environment.master(arn, *files, "--record-dir", folder)
    viewer = Viewer(environment, arn)
    await viewer.prepare()
    camera, microphone = Camera(), Microphone(rate, 700)
    viewer.pc.addTrack(microphone)
    viewer.pc.addTrack(camera)
    await viewer.watch()
    # Pictures only: sound is not sent again.
    sender = next(s for s in viewer.pc.getSenders() if s.kind == "video")
    pictures = {ssrc.to_bytes(4, "big") for ssrc in (sender._ssrc, sender._rtx_ssrc)}
    counts = viewer.impair(loss, lost=lambda d: 127 < d[0] < 192 and d[8:12] in pictures)
    await viewer.sees("video", 30)
    await until(lambda: camera.sent >= 90, lambda: f"{camera.sent} pictures sent")
    await viewer.close()
    await asyncio.sleep(0.2)
    code, _ = await asyncio.to_thread(master.interrupt)
    equal(code, 0, "exit code")
    found = {path.suffix: path for path in folder.iterdir()}
    check(set(extensions) <= set(found), f"the recordings are {[p.name for p in folder.iterdir()]}")

    def read():
        pictures = list(picture.decoded(found[extensions[0]], "video"))
        sound = list(picture.decoded(found[extensions[1]], "audio"))
        return [picture.frame_number(f) for f in pictures], sound

    numbers, sound = await asyncio.to_thread(read)
    check(len(numbers) >= 80, f"{len(numbers)} pictures were recorded of {camera.sent}")
    check(None not in numbers, "a recorded picture shows no number")
    check(numbers == list(range(numbers[0], numbers[0] + len(numbers))), f"recorded are {numbers}")
    check(numbers[-1] >= camera.sent - 3, f"the last picture is {numbers[-1]} of {camera.sent}")
    check(numbers[0] <= 2, f"the first recorded picture is {numbers[0]}")
    tones = [picture.tone_row(f) for f in sound]
    share = tones.count(2) / max(len(tones), 1)
    check(share > 0.9, f"{share:.0%} of the recorded sound has the tone that was sent")
    seconds = sum(f.samples / f.sample_rate for f in sound)
    wanted = microphone.sent / 50
    check(abs(seconds - wanted) < 0.2, f"{seconds:.2f} s of sound were recorded of {wanted:.2f}")
    lost = f", {counts['sent']} packets of them lost" if loss else ""
    return f"{len(numbers)} of {camera.sent} pictures, {seconds:.2f} of {wanted:.2f} s of sound{lost}"


@test
async def aiortcs_h264_and_opus_are_recorded(environment):
    return await _is_recorded(environment, FILES, 48_000, (".h264", ".opus"))


@test
async def aiortcs_vp8_and_pcmu_are_recorded(environment):
    files = ["--video", MEDIA / "sample-vp8.ivf", "--audio", MEDIA / "sample-ulaw.wav"]
    return await _is_recorded(environment, files, 8_000, (".ivf", ".wav"))


@test
async def what_is_lost_on_the_way_is_asked_for_and_recorded(environment):
    return await _is_recorded(environment, FILES, 48_000, (".h264", ".opus"), loss=0.05)
