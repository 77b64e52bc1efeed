"""aiortc as a viewer of a master, through KVS signaling."""

import asyncio
import random
import time
from dataclasses import dataclass

from aiortc import (
    RTCConfiguration,
    RTCIceServer,
    RTCPeerConnection,
    RTCSessionDescription,
)
from aiortc.mediastreams import MediaStreamError
from aiortc.rtp import RtcpByePacket, RtcpSrPacket
from aiortc.sdp import candidate_from_sdp

import aws
import picture
import signaling
from harness import Failure, check, equal, until
from signaling import Signaling


@dataclass
class Seen:
    """A picture or a piece of sound, in RTP time since the stream's first frame."""

    time: float
    arrival: float
    # The number of the picture; None for sound, or for a picture that is not the sample's.
    number: int | None
    # The row of the table of colours and tones; None for none.
    row: int | None


class Stream:
    """What one section receives."""

    def __init__(self, receiver):
        self.receiver, self.kind = receiver, receiver.track.kind if receiver.track else None
        self.seen, self.reports, self.packets, self.ended = [], [], {}, False
        self.said_bye, self.lose = False, lambda packet: False
        self._on_rtp, self._on_rtcp = receiver._handle_rtp_packet, receiver._handle_rtcp_packet
        receiver._handle_rtp_packet, receiver._handle_rtcp_packet = self._rtp, self._rtcp

    async def _rtp(self, packet, arrival_time_ms):
        if self.lose(packet):
            return
        self.packets[packet.payload_type] = self.packets.get(packet.payload_type, 0) + 1
        await self._on_rtp(packet, arrival_time_ms=arrival_time_ms)

    async def _rtcp(self, packet):
        if isinstance(packet, RtcpSrPacket):
            self.reports.append(packet.sender_info)
        self.said_bye |= isinstance(packet, RtcpByePacket)
        await self._on_rtcp(packet)

    async def watch(self, track):
        self.kind = track.kind
        try:
            while True:
                frame = await track.recv()
                at = float(frame.pts * frame.time_base)
                if track.kind == "video":
                    seen = (picture.frame_number(frame), picture.colour_row(frame)[0])
                else:
                    seen = (None, picture.tone_row(frame))
                self.seen.append(Seen(at, time.monotonic(), *seen))
        except MediaStreamError:
            self.ended = True

    @property
    def numbers(self):
        return [seen.number for seen in self.seen]

    def jumps(self):
        """How many pictures are missing between the first and the last."""
        numbers = self.numbers
        check(None not in numbers, "a picture shows no frame number")
        steps = [(b - a) % picture.FRAMES for a, b in zip(numbers, numbers[1:])]
        check(0 not in steps, "a picture came twice")
        return sum(steps) - len(steps)

    def changes(self):
        """The times at which a row begins, each (seconds, row), by the stream's own clock."""
        rows = [(s.time, s.row) for s in self.seen if s.row is not None]
        return [(at, row) for (_, before), (at, row) in zip(rows, rows[1:]) if row != before]

    def wall(self, at, clock_rate):
        """The sender's wall time of `at`, from its last report."""
        report = self.reports[-1]
        origin = self.receiver._RTCRtpReceiver__timestamp_mapper._origin
        ticks = (origin + round(at * clock_rate) - report.rtp_timestamp + 2**31) % 2**32 - 2**31
        return report.ntp_timestamp / 2**32 + ticks / clock_rate


class Viewer:
    """A peer connection of aiortc, its signaling, and what it saw."""

    def __init__(self, environment, arn, client_id="viewer", *, secure=False, style="js"):
        self.environment, self.arn, self.client_id = environment, arn, client_id
        self.secure, self.style = secure, style
        self.pc = None
        self.signaling = None
        self.answer = None
        self.streams = {}
        self.certificate = self.profiles = None
        self.started = self.connected_after = None
        self._tasks = []
        environment.closing(self.close)

    async def prepare(self):
        """Makes the connection, with the ICE servers that the service names."""
        urls = await asyncio.to_thread(self._ice_servers)
        servers = [RTCIceServer(urls=[url]) for url in urls]
        self.pc = RTCPeerConnection(RTCConfiguration(iceServers=servers))
        if self.certificate is not None:
            self.pc._RTCPeerConnection__certificates = [self.certificate]
        self.pc.on("connectionstatechange", self._state_changed)
        self.pc.on("track", self._track_added)
        return self.pc

    def _ice_servers(self):
        https = aws.endpoints(self.environment, self.arn, "VIEWER", self.secure)["HTTPS"]
        client = aws.client(
            self.environment, "kinesis-video-signaling", secure=self.secure, endpoint=https
        )
        found = client.get_ice_server_config(ChannelARN=self.arn, ClientId=self.client_id)
        return [uri for server in found["IceServerList"] for uri in server["Uris"]]

    def _state_changed(self):
        if self.pc.connectionState == "connected" and self.connected_after is None:
            self.connected_after = time.monotonic() - self.started

    def _track_added(self, track):
        for transceiver in self.pc.getTransceivers():
            if transceiver.receiver.track is track:
                self._tasks.append(asyncio.ensure_future(self._tap(transceiver).watch(track)))

    def _tap(self, transceiver):
        stream = self.streams.get(transceiver.kind)
        if stream is None or stream.receiver is not transceiver.receiver:
            stream = self.streams[transceiver.kind] = Stream(transceiver.receiver)
        return stream

    async def offer(self, *kinds, direction="recvonly", change=lambda sdp: sdp):
        """Offers to receive `kinds` and sends it; `change` may rewrite the description."""
        if self.pc is None:
            await self.prepare()
        for kind in kinds:
            self.pc.addTransceiver(kind, direction=direction)
        if self.signaling is None:
            await self.open_signaling()
        await self.pc.setLocalDescription(await self.pc.createOffer())
        self._dtls_profiles()
        self.started = time.monotonic()
        sdp = change(self.pc.localDescription.sdp)
        await self.signaling.send("SDP_OFFER", {"type": "offer", "sdp": sdp})

    async def open_signaling(self):
        self.signaling = await Signaling.open(
            self.environment, self.arn, self.client_id, secure=self.secure, style=self.style
        )

    def _dtls_profiles(self):
        if self.profiles is None:
            return
        for transport in self._transports():
            transport._srtp_profiles = self.profiles

    async def take_answer(self):
        """Waits for the answer, without applying it. Candidates that come before it do not count."""
        while True:
            message = await self.signaling.receive()
            if message["messageType"] == "SDP_ANSWER":
                self.answer = signaling.decode(message)
                equal(self.answer["type"], "answer", "type of the answer")
                return self.answer["sdp"]
            equal(message["messageType"], "ICE_CANDIDATE", "messageType")

    async def accept(self):
        """Takes the answer, and candidates from then on."""
        await self.take_answer()
        await self.pc.setRemoteDescription(RTCSessionDescription(**self.answer))
        self._tasks.append(asyncio.ensure_future(self._take_candidates()))

    async def take_call(self):
        """Takes the master's offer and answers it."""
        if self.pc is None:
            await self.prepare()
        while (message := await self.signaling.receive())["messageType"] != "SDP_OFFER":
            pass
        self.started = time.monotonic()
        offer = signaling.decode(message)
        await self.pc.setRemoteDescription(RTCSessionDescription(**offer))
        await self.pc.setLocalDescription(await self.pc.createAnswer())
        payload = {"type": "answer", "sdp": self.pc.localDescription.sdp}
        await self.signaling.send("SDP_ANSWER", payload)
        self._tasks.append(asyncio.ensure_future(self._take_candidates()))
        return offer["sdp"]

    async def _take_candidates(self):
        while True:
            message = await self.signaling.receive(3600)
            if message["messageType"] != "ICE_CANDIDATE":
                continue
            payload = signaling.decode(message)
            text = payload.get("candidate", "")
            if text:
                candidate = candidate_from_sdp(text.removeprefix("candidate:"))
                candidate.sdpMid = payload.get("sdpMid")
                candidate.sdpMLineIndex = payload.get("sdpMLineIndex")
                await self.pc.addIceCandidate(candidate)

    async def connected(self, seconds=10.0):
        def state():
            pc = self.pc
            return f"connection {pc.connectionState}, ICE {pc.iceConnectionState}"

        def settled():
            if self.pc.connectionState == "failed":
                raise Failure(f"not connected: {state()}")
            return self.connected_after is not None

        await until(settled, state, seconds)

    async def watch(self, *kinds, direction="recvonly"):
        """From the offer to the connection."""
        await self.offer(*kinds, direction=direction)
        await self.accept()
        await self.connected()

    async def sees(self, kind, frames, seconds=15.0):
        """Waits until that many frames of `kind` were decoded."""

        def count():
            stream = self.streams.get(kind)
            return len(stream.seen) if stream else 0

        await until(lambda: count() >= frames, lambda: f"{count()} frames of {kind}", seconds)
        return self.streams[kind]

    def impair(self, loss, seed=1, lost=lambda data: True):
        """Loses a share of the datagrams, each way, for which `lost` holds. Counts them."""
        chance, counts = random.Random(seed), {"sent": 0, "received": 0}

        def impair(ice):
            send, receive = ice._send, ice._recv

            async def lossy_send(data):
                if lost(data) and chance.random() < loss:
                    counts["sent"] += 1
                else:
                    await send(data)

            async def lossy_receive():
                while True:
                    data = await receive()
                    if not lost(data) or chance.random() >= loss:
                        return data
                    counts["received"] += 1

            ice._send, ice._recv = lossy_send, lossy_receive

        for ice in {transport.transport for transport in self._transports()}:
            impair(ice)
        return counts

    def _transports(self):
        """DTLS transports: one for each section until the answer bundles them."""
        transports = {t.receiver.transport for t in self.pc.getTransceivers()}
        return transports | ({self.pc.sctp.transport} if self.pc.sctp else set())

    def dtls(self):
        """OpenSSL's side of the connection."""
        if self.pc.sctp:
            return self.pc.sctp.transport
        return self.pc.getTransceivers()[0].receiver.transport

    def figures(self):
        return f"connected after {self.connected_after * 1000:.0f} ms"

    async def close(self):
        for task in self._tasks:
            task.cancel()
        if self.signaling is not None:
            await self.signaling.close()
        if self.pc is not None:
            await self.pc.close()


def candidates(sdp):
    """The candidate lines of a description."""
    return [line for line in sdp.splitlines() if line.startswith("a=candidate:")]
