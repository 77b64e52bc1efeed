// A viewer made as the SDK's documentation makes one: SignalingClient with its built-in SigV4 signer, an
// RTCPeerConnection, nothing of ours. The runner calls startViewer().
"use strict";

const viewer = { messages: [], states: [], offer: null, answer: null, sent: {} };
window.viewer = viewer;

window.startViewer = async (config) => {
  const wanted = { audio: "recvonly", video: "recvonly", data: true, trickle: true, ...config };
  const client = new KVSWebRTC.SignalingClient({
    channelARN: wanted.channelARN,
    channelEndpoint: wanted.endpoint,
    region: wanted.region,
    role: KVSWebRTC.Role.VIEWER,
    clientId: wanted.clientId,
    credentials: wanted.credentials,
    systemClockOffset: 0,
  });
  const pc = new RTCPeerConnection({ iceServers: wanted.iceServers ?? [] });
  Object.assign(viewer, { client, pc });

  const video = document.querySelector("video");
  const remote = new MediaStream();
  video.srcObject = remote;
  pc.addEventListener("track", ({ track }) => remote.addTrack(track));
  viewer.remote = remote;
  pc.addEventListener("connectionstatechange", () => viewer.states.push(pc.connectionState));

  client.on("open", async () => {
    if (wanted.send) {
      const own = await navigator.mediaDevices.getUserMedia({ video: { width: 320, height: 240 }, audio: true });
      viewer.own = own;
      for (const track of own.getTracks()) count(pc.addTrack(track, own));
      prefer(pc, wanted.codec);
    } else {
      for (const kind of ["audio", "video"]) {
        if (wanted[kind]) pc.addTransceiver(kind, { direction: wanted[kind] });
      }
    }
    if (wanted.data) {
      const channel = pc.createDataChannel("kvsDataChannel");
      channel.binaryType = "arraybuffer";
      channel.addEventListener("message", ({ data }) => viewer.messages.push(data));
      viewer.channel = channel;
    }
    await pc.setLocalDescription(await pc.createOffer());
    if (wanted.trickle) {
      viewer.offer = pc.localDescription.sdp;
      client.sendSdpOffer(pc.localDescription);
    }
  });
  client.on("sdpAnswer", async (answer) => {
    viewer.answer = answer.sdp;
    await pc.setRemoteDescription(answer);
  });
  client.on("iceCandidate", (candidate) => pc.addIceCandidate(candidate));
  client.on("error", (error) => probe.errors.push(`signaling: ${error?.message ?? error}`));
  pc.addEventListener("icecandidate", ({ candidate }) => {
    if (candidate && wanted.trickle) client.sendIceCandidate(candidate);
    if (!candidate && !wanted.trickle) {
      viewer.offer = pc.localDescription.sdp;
      client.sendSdpOffer(pc.localDescription);
    }
  });
  client.open();
};

function prefer(pc, mimeType) {
  if (!mimeType) return;
  const { codecs } = RTCRtpSender.getCapabilities("video");
  const first = codecs.filter((codec) => codec.mimeType === mimeType);
  const sender = pc.getTransceivers().find((t) => t.sender.track?.kind === "video");
  sender.setCodecPreferences([...first, ...codecs.filter((codec) => codec.mimeType === "video/rtx")]);
}

/** Counts encoded frames as they leave, with the first and last RTP timestamp: viewer.sent[kind]. */
function count(sender) {
  const source = `onrtctransform = async ({ transformer }) => {
    const sent = { frames: 0 };
    const reader = transformer.readable.getReader();
    const writer = transformer.writable.getWriter();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const stamp = value.getMetadata().rtpTimestamp ?? value.timestamp;
      sent.first ??= stamp;
      sent.last = stamp;
      sent.frames += 1;
      await writer.write(value);
      postMessage(sent);
    }
  }`;
  const worker = new Worker(URL.createObjectURL(new Blob([source], { type: "text/javascript" })));
  const { kind } = sender.track;
  worker.onmessage = ({ data }) => (viewer.sent[kind] = data);
  sender.transform = new RTCRtpScriptTransform(worker);
}

/** An offer with fresh ICE credentials on the connection that is up. */
window.restartIce = async () => {
  const { pc, client } = viewer;
  pc.restartIce();
  await pc.setLocalDescription(await pc.createOffer({ iceRestart: true }));
  client.sendSdpOffer(pc.localDescription);
};
