"""Connecting: offers and answers, candidates, DTLS, data channels, coming and going."""

import asyncio
import os
import time

from aiortc import RTCSessionDescription
from aiortc import rtcdtlstransport as dtls
from cryptography.hazmat.primitives.asymmetric import rsa

import aws
from harness import Skip, check, equal, test, until
from programs import MEDIA
from viewer import Viewer, candidates

VIDEO = ["--video", MEDIA / "sample.h264"]
FILES = [*VIDEO, "--audio", MEDIA / "sample.opus"]
# What a KVS data channel is asked to echo, bytes.
LARGEST = 65_536


async def channel(environment, stem):
    _, arn = await asyncio.to_thread(aws.channel, environment, stem)
    return arn


class Echo:
    """A data channel whose messages come back."""

    def __init__(self, viewer, label, **options):
        self.channel = viewer.pc.createDataChannel(label, **options)
        self.received = []
        self.channel.on("message", self.received.append)

    async def opens(self):
        await until(
            lambda: self.channel.readyState == "open",
            lambda: f"channel {self.channel.label} is {self.channel.readyState}",
        )

    async def round(self, *messages):
        """Sends; each must come back as it was, and as text or bytes as it was."""
        start, before = time.monotonic(), len(self.received)
        for message in messages:
            self.channel.send(message)
        await until(
            lambda: len(self.received) - before >= len(messages),
            lambda: f"{len(self.received) - before} of {len(messages)} messages came back",
        )
        back = self.received[before:]
        for sent, received in zip(messages, back):
            check(type(sent) is type(received), f"{type(sent)} came back as {type(received)}")
            check(sent == received, f"a message of {len(sent)} came back changed")
        equal(len(back), len(messages), "number of messages that came back")
        return time.monotonic() - start


@test
async def aiortc_exchanges_data_channel_messages(environment):
    arn = await channel(environment, "data")
    environment.master(arn, *VIDEO, secure=True)
    viewer = Viewer(environment, arn, secure=True, style="c")
    await viewer.prepare()
    ordered = Echo(viewer, "kvsDataChannel")
    loose = Echo(viewer, "loose", ordered=False, maxRetransmits=0)
    timed = Echo(viewer, "timed", ordered=False, maxPacketLifeTime=500)
    await viewer.watch()
    for echo in (ordered, loose, timed):
        await echo.opens()
    await ordered.round("hello", "grüße 🎥", b"\0\x01\x02", "", b"", "x" * 16_384)
    large = await ordered.round(os.urandom(LARGEST))
    await ordered.round("t" * LARGEST)
    many = [f"message {n}" for n in range(200)]
    await ordered.round(*many)
    await loose.round("one", b"two" * 1000)
    await timed.round("one", b"two" * 1000)
    late = Echo(viewer, "late")
    await late.opens()
    await late.round("opened later")
    # Closing resets the stream (RFC 8831 section 6.7); its number can be used again.
    late.channel.close()
    await until(
        lambda: late.channel.readyState == "closed",
        lambda: f"the channel is {late.channel.readyState} after close()",
    )
    await ordered.round("still here")
    again = Echo(viewer, "again")
    await again.opens()
    await again.round("anew")
    return f"64 KB there and back in {large * 1000:.0f} ms, {viewer.figures()}"


@test
async def aiortc_without_trickle_gets_every_candidate_in_the_answer(environment):
    arn = await channel(environment, "whole")
    environment.master(arn, *FILES)
    viewer = Viewer(environment, arn)
    await viewer.offer("audio", "video")
    check("trickle" not in viewer.pc.localDescription.sdp, "aiortc announces trickle")
    answer = await viewer.take_answer()
    check(candidates(answer), "the answer has no candidate")
    # Nothing that comes later is listened to.
    await viewer.pc.setRemoteDescription(RTCSessionDescription(sdp=answer, type="answer"))
    await viewer.connected()
    await viewer.sees("video", 10)
    return f"{len(candidates(answer))} candidates, {viewer.figures()}"


@test
async def candidates_that_overtake_the_offer_are_kept(environment):
    arn = await channel(environment, "overtaken")
    environment.master(arn, *VIDEO)
    viewer = Viewer(environment, arn)
    await viewer.prepare()
    await viewer.open_signaling()
    viewer.pc.addTransceiver("video", direction="recvonly")
    await viewer.pc.setLocalDescription(await viewer.pc.createOffer())
    sdp, viewer.started = viewer.pc.localDescription.sdp, time.monotonic()
    gathered = candidates(sdp)
    for line in gathered:
        candidate = {"candidate": line[2:], "sdpMid": "0", "sdpMLineIndex": 0}
        await viewer.signaling.send("ICE_CANDIDATE", candidate)
    lines = [
        line
        for line in sdp.splitlines()
        if not line.startswith(("a=candidate:", "a=end-of-candidates"))
    ]
    at = next(n for n, line in enumerate(lines) if line.startswith("a=ice-ufrag:"))
    lines.insert(at, "a=ice-options:trickle")
    payload = {"type": "offer", "sdp": "\r\n".join(lines) + "\r\n"}
    await viewer.signaling.send("SDP_OFFER", payload)
    await viewer.accept()
    await viewer.connected()
    await viewer.sees("video", 10)
    return f"{len(gathered)} candidates first, {viewer.figures()}"


class RsaCertificate(dtls.RTCCertificate):
    """A peer of old: an RSA key, and the one suite for it."""

    def _create_ssl_context(self, srtp_profiles):
        # The parent wants a suite for its kind of key; ours comes after.
        context = super()._create_ssl_context(srtp_profiles)
        context.set_cipher_list(b"ECDHE-RSA-AES128-GCM-SHA256")
        return context


async def _connects_with(environment, certificate=None, profile=None):
    arn = await channel(environment, "dtls")
    environment.master(arn, *FILES)
    viewer = Viewer(environment, arn)
    viewer.certificate = certificate
    viewer.profiles = [profile] if profile else None
    await viewer.watch("audio", "video")
    await viewer.sees("video", 15)
    await viewer.sees("audio", 10)
    connection = viewer.dtls()._ssl
    chosen = connection.get_selected_srtp_profile()
    if profile:
        equal(chosen, profile.openssl_profile, "SRTP profile")
    version, cipher = connection.get_protocol_version_name(), connection.get_cipher_name()
    return f"{version}, {cipher}, {chosen.decode()}, {viewer.figures()}"


@test
async def aiortc_connects_with_aes128_cm_sha1_80(environment):
    return await _connects_with(environment, profile=dtls.SRTP_AES128_CM_SHA1_80)


@test
async def aiortc_connects_with_aead_aes_128_gcm(environment):
    return await _connects_with(environment, profile=dtls.SRTP_AEAD_AES_128_GCM)


@test
async def aiortc_connects_with_aead_aes_256_gcm(environment):
    return await _connects_with(environment, profile=dtls.SRTP_AEAD_AES_256_GCM)


@test
async def aiortc_connects_with_an_rsa_certificate(environment):
    key = rsa.generate_private_key(65_537, 2_048)
    certificate = RsaCertificate(key, dtls.generate_certificate(key))
    figures = await _connects_with(environment, certificate)
    check("ECDHE-RSA" in figures, figures)
    return figures


@test
async def aiortc_answers_a_camera_that_calls(environment):
    arn = await channel(environment, "called")
    viewer = Viewer(environment, arn, "callee")
    await viewer.prepare()
    await viewer.open_signaling()
    environment.master(arn, *FILES, "--call", "callee")
    await viewer.take_call()
    await viewer.connected()
    await viewer.sees("video", 15)
    await viewer.sees("audio", 10)
    return viewer.figures()


@test
async def aiortc_connects_over_ipv6_alone(environment):
    arn = await channel(environment, "v6")
    master = environment.master(arn, *VIDEO, "--ipv6-only")
    viewer = Viewer(environment, arn)
    await viewer.offer("video")
    if not any(":" in line.split()[4] for line in candidates(viewer.pc.localDescription.sdp)):
        raise Skip("this machine has no IPv6 address but its own loopback")
    answer = candidates(await viewer.take_answer())
    check(answer, f"the answer has no candidate; {master.last()}")
    check(all(":" in line.split()[4] for line in answer), f"candidates {answer}")
    await viewer.pc.setRemoteDescription(RTCSessionDescription(**viewer.answer))
    await viewer.connected()
    await viewer.sees("video", 10)
    return viewer.figures()


@test
async def aiortc_connects_and_talks_through_loss(environment):
    arn = await channel(environment, "lossy")
    environment.master(arn, *FILES)
    viewer = Viewer(environment, arn)
    await viewer.prepare()
    echo = Echo(viewer, "kvsDataChannel")
    await viewer.offer("audio", "video")
    # From the first handshake message on.
    counts = viewer.impair(0.05)
    await viewer.accept()
    await viewer.connected()
    await echo.opens()
    took = await echo.round(*[os.urandom(1_000) for _ in range(20)], os.urandom(LARGEST))
    video = await viewer.sees("video", 120)
    missing, lost = video.jumps(), counts["sent"] + counts["received"]
    check(missing <= 2, f"{missing} of {len(video.seen)} pictures are missing, {lost} datagrams lost")
    return f"{lost} datagrams lost, {missing} pictures missing, echo in {took:.1f} s, {viewer.figures()}"


@test
async def a_viewer_may_want_data_alone(environment):
    arn = await channel(environment, "data-only")
    environment.master(arn, *FILES)
    viewer = Viewer(environment, arn)
    await viewer.prepare()
    echo = Echo(viewer, "kvsDataChannel")
    await viewer.watch()
    await echo.opens()
    await echo.round("alone")
    return viewer.figures()


@test
async def a_running_session_is_renegotiated(environment):
    arn = await channel(environment, "again")
    master = environment.master(arn, *FILES)
    viewer = Viewer(environment, arn)
    await viewer.watch("audio", "video")
    video = await viewer.sees("video", 15)

    async def renegotiate():
        viewer._tasks.pop().cancel()
        await viewer.offer()
        await viewer.accept()

    # The pictures pause, the sound goes on, and a data channel is added.
    transceiver = viewer.pc.getTransceivers()[1]
    transceiver.direction = "inactive"
    echo = Echo(viewer, "kvsDataChannel")
    await renegotiate()
    await echo.opens()
    await echo.round("in the same session")
    await asyncio.sleep(0.3)
    paused, sound = sum(video.packets.values()), len(viewer.streams["audio"].seen)
    await asyncio.sleep(0.5)
    equal(sum(video.packets.values()), paused, "number of video packets in the pause")
    check(len(viewer.streams["audio"].seen) > sound, "the sound paused too")
    transceiver.direction = "recvonly"
    await renegotiate()
    seen = len(video.seen)
    await viewer.sees("video", seen + 15)
    check(not master.find(r"viewer \d+ .*left"), "the session was replaced")
    return viewer.figures()


@test
async def five_viewers_watch_at_once(environment):
    arn = await channel(environment, "many")
    environment.master(arn, *VIDEO)
    viewers = [Viewer(environment, arn, f"viewer-{n}") for n in range(5)]
    for viewer in viewers:
        await viewer.offer("video")
        await viewer.accept()
        await asyncio.sleep(0.35)
    for viewer in viewers:
        await viewer.connected()
    for viewer in viewers:
        video = await viewer.sees("video", 45)
        equal(video.jumps(), 0, "number of missing pictures")
    slowest = max(viewer.connected_after for viewer in viewers)
    return f"connected after {slowest * 1000:.0f} ms at most"


@test
async def a_viewer_above_the_limit_is_told_so(environment):
    arn = await channel(environment, "limit")
    environment.master(arn, *VIDEO, "--max-viewers", "1")
    first = Viewer(environment, arn, "first")
    await first.watch("video")
    await first.sees("video", 5)
    second = Viewer(environment, arn, "second")
    await second.offer("audio", "video")
    answer = (await second.take_answer()).splitlines()
    sections = [line for line in answer if line.startswith("m=")]
    equal(len(sections), 2, "number of sections in the refusal")
    check(all(line.split()[1] == "0" for line in sections), f"sections {sections}")
    session = answer[: answer.index(sections[0])]
    check(any("viewer limit" in line for line in session), f"session lines {session}")
    before = len(first.streams["video"].seen)
    await first.sees("video", before + 10)


@test
async def a_new_offer_of_one_client_replaces_its_session(environment):
    arn = await channel(environment, "reload")
    environment.master(arn, *VIDEO, "--max-viewers", "1")
    # A page that is reloaded says no goodbye.
    for _ in range(3):
        viewer = Viewer(environment, arn, "reloading")
        await viewer.watch("video")
        await viewer.sees("video", 5)
    return viewer.figures()


@test
async def a_camera_that_is_stopped_says_goodbye(environment):
    arn = await channel(environment, "goodbye")
    master = environment.master(arn, *FILES)
    viewer = Viewer(environment, arn)
    await viewer.prepare()
    echo = Echo(viewer, "kvsDataChannel")
    await viewer.watch("audio", "video")
    await echo.opens()
    await viewer.sees("video", 15)
    start = time.monotonic()
    stopped = asyncio.ensure_future(asyncio.to_thread(master.interrupt))
    await until(lambda: viewer.dtls().state == "closed", "no close_notify came", 2.0)
    noticed = time.monotonic() - start
    code, took = await stopped
    equal(code, 0, "exit code")
    check(took < 1.0, f"the program took {took:.2f} s to end")
    check(noticed < 1.0, f"the viewer noticed after {noticed:.2f} s")
    check(viewer.streams["video"].said_bye, "no RTCP BYE came for the video")
    equal(echo.channel.readyState, "closed", "state of the data channel")
    return f"noticed after {noticed * 1000:.0f} ms, ended after {took * 1000:.0f} ms"
