// The viewer page. It knows no AWS key: each connect asks the program that serves it for a fresh signed
// URL and the ICE servers, so a page that lay open for hours reconnects like a new one.
//
// Options in the page's address: clientId=…, audio=0, video=0, data=0 (leave a section out of the
// offer), send=1 (send our own camera and microphone), trickle=0, wait=1 (let the camera make the offer).

const options = new URLSearchParams(location.search);
const on = (name) => options.get(name) !== "0";
const $ = (id) => document.getElementById(id);

// `crypto.randomUUID` is for secure contexts only, and a camera on the local network has no certificate.
const randomId = () => crypto.getRandomValues(new Uint32Array(1))[0].toString(16).padStart(8, "0");

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
/** KVS lets three viewers a second onto a channel; who comes fourth asks again. */
const ATTEMPTS = 8;

const clientId = options.get("clientId") ?? `viewer-${randomId()}`;
const textDecoder = new TextDecoder();

/** One connection to the camera, from the signed URL to its end. */
let session = null;

class Session {
  constructor() {
    this.over = false;
    this.early = [];
    this.startedAt = performance.now();
  }

  async start() {
    setState("connecting", "connecting");
    notice("");
    const answer = await ask("session");
    if (this.over) return;
    this.pc = new RTCPeerConnection({ iceServers: answer.iceServers, bundlePolicy: "max-bundle" });
    this.watch();
    // The offer is made while the socket opens.
    const offered = options.get("wait") === "1" ? null : this.makeOffer();
    const [offer] = await Promise.all([offered, this.openSocket(answer.url)]);
    if (this.over) return this.close();
    this.socket.onmessage = (event) => this.receive(event.data);
    this.socket.onclose = () => this.signalingLost();
    if (offer) {
      this.send("SDP_OFFER", this.pc.localDescription.toJSON());
      this.flushCandidates();
    }
  }

  async openSocket(url) {
    for (let attempt = 1; ; attempt++) {
      const socket = (this.socket = new WebSocket(url));
      const open = await new Promise((resolve) => {
        socket.onopen = () => resolve(true);
        socket.onerror = () => resolve(false);
      });
      if (open || this.over) return;
      // A browser hides why; the program that serves this page can ask.
      const why = await ask("why").catch(() => null);
      if (!why) throw new Error("the signaling service did not answer");
      const passing = !why.errorType || (/LimitExceeded|Throttling/.test(why.errorType) && !/viewer limit/.test(why.message));
      if (!passing || attempt === ATTEMPTS) throw new Error(`${why.errorType || "refused"}: ${why.message}`);
      await pause(200 + Math.random() * 400 * attempt);
      url = (await ask("session")).url;
    }
  }

  async makeOffer() {
    const mine = await ownMedia();
    if (on("data")) this.adopt(this.pc.createDataChannel("kvsDataChannel"));
    for (const kind of ["audio", "video"]) {
      if (!on(kind)) continue;
      const track = mine?.getTracks().find((track) => track.kind === kind);
      this.pc.addTransceiver(track ?? kind, { direction: track ? "sendrecv" : "recvonly", streams: mine ? [mine] : [] });
    }
    await this.pc.setLocalDescription();
    if (!on("trickle")) await this.gathered();
    return this.pc.localDescription;
  }

  gathered() {
    if (this.pc.iceGatheringState === "complete") return Promise.resolve();
    return new Promise((resolve) => this.pc.addEventListener("icegatheringstatechange", () => {
      if (this.pc.iceGatheringState === "complete") resolve();
    }));
  }

  watch() {
    const stream = new MediaStream();
    this.pc.ontrack = ({ track }) => {
      stream.addTrack(track);
      if ($("video").srcObject !== stream) $("video").srcObject = stream;
    };
    this.pc.onicecandidate = ({ candidate }) => {
      if (!candidate || !on("trickle")) return;
      if (this.offered) this.send("ICE_CANDIDATE", candidate.toJSON());
      else this.early.push(candidate.toJSON());
    };
    this.pc.ondatachannel = ({ channel }) => this.adopt(channel);
    this.pc.onconnectionstatechange = () => {
      setState(this.pc.connectionState, this.pc.connectionState);
      if (this.pc.connectionState === "failed") this.end("the connection to the camera was lost");
    };
    const dtls = () => this.pc.getSenders()[0]?.transport ?? this.pc.getReceivers()[0]?.transport ?? this.pc.sctp?.transport;
    this.pc.addEventListener("signalingstatechange", () => {
      const transport = dtls();
      if (transport) transport.onstatechange = () => {
        if (transport.state === "closed") this.end("the camera left");
      };
    });
  }

  adopt(channel) {
    this.channel = channel;
    channel.binaryType = "arraybuffer";
    channel.onmessage = ({ data }) => {
      const text = typeof data === "string" ? data : textDecoder.decode(data);
      say("camera", text.length > 200 ? `${text.length} bytes` : text);
      window.dispatchEvent(new CustomEvent("camera-message", { detail: data }));
    };
    channel.onclose = () => { if (!this.over) this.end("the camera left"); };
  }

  send(action, payload) {
    if (this.socket?.readyState !== WebSocket.OPEN) return;
    if (action !== "ICE_CANDIDATE") this.offered = true;
    this.socket.send(JSON.stringify({
      action,
      messagePayload: btoa(String.fromCharCode(...new TextEncoder().encode(JSON.stringify(payload)))),
      correlationId: randomId(),
    }));
  }

  flushCandidates() {
    this.early.splice(0).forEach((candidate) => this.send("ICE_CANDIDATE", candidate));
  }

  async receive(text) {
    if (!text) return;
    const message = JSON.parse(text);
    if (message.messageType === "STATUS_RESPONSE") {
      const status = message.statusResponse ?? {};
      notice(`${status.errorType}: ${status.description}`);
      return;
    }
    if (!message.messagePayload) return;
    const bytes = Uint8Array.from(atob(message.messagePayload), (c) => c.charCodeAt(0));
    const payload = JSON.parse(textDecoder.decode(bytes));
    switch (message.messageType) {
      case "SDP_ANSWER": {
        const refusal = refusalIn(payload.sdp);
        if (refusal) return this.end(`the camera refused: ${refusal}`);
        await this.pc.setRemoteDescription(payload);
        break;
      }
      case "SDP_OFFER": {
        await this.pc.setRemoteDescription(payload);
        // The channel is the viewer's to open, whoever made the offer.
        if (on("data") && !this.channel && /^m=application [^0]/m.test(payload.sdp)) {
          this.adopt(this.pc.createDataChannel("kvsDataChannel"));
        }
        await this.pc.setLocalDescription();
        this.send("SDP_ANSWER", this.pc.localDescription.toJSON());
        this.flushCandidates();
        break;
      }
      case "ICE_CANDIDATE":
        await this.pc.addIceCandidate(payload).catch(() => {});
        break;
    }
  }

  async restartIce() {
    if (!this.pc || this.over) return;
    if (this.socket?.readyState !== WebSocket.OPEN) return connect();
    this.pc.restartIce();
    this.offered = false;
    await this.pc.setLocalDescription();
    this.send("SDP_OFFER", this.pc.localDescription.toJSON());
    this.flushCandidates();
  }

  signalingLost() {
    // Media needs no signaling. A session that never came up does.
    if (!this.over && this.pc.connectionState !== "connected") this.end("the signaling service closed the connection");
  }

  end(why) {
    if (this.over) return;
    this.close();
    setState("closed", "closed");
    notice(why);
  }

  close() {
    this.over = true;
    this.pc?.close();
    if (this.socket) this.socket.onclose = null;
    this.socket?.close();
  }
}

/** Asks the program that serves this page. */
async function ask(what) {
  const response = await fetch(`api/${what}?clientId=${encodeURIComponent(clientId)}`);
  const answer = await response.json();
  if (!response.ok) throw new Error(`${answer.errorType}: ${answer.message}`);
  return answer;
}

/** A refused offer is answered with every section at port 0 and the reason in the session name. */
function refusalIn(sdp) {
  const ports = [...sdp.matchAll(/^m=\S+ (\d+)/gm)].map((match) => match[1]);
  if (ports.length === 0 || ports.some((port) => port !== "0")) return null;
  return sdp.match(/^s=(.*)$/m)?.[1].trim() ?? "no reason given";
}

async function ownMedia() {
  const wanted = { audio: $("talk").checked || options.get("send") === "1", video: $("camera").checked || options.get("send") === "1" };
  if (!wanted.audio && !wanted.video) return null;
  if (!navigator.mediaDevices) throw new Error("browsers give camera and microphone to https:// and localhost pages only");
  return navigator.mediaDevices.getUserMedia(wanted);
}

function setState(state, text) {
  $("state").dataset.state = state;
  $("state").textContent = text;
}

function notice(text) {
  $("notice").textContent = text;
  $("notice").hidden = !text;
}

function say(from, text) {
  const item = document.createElement("li");
  item.dataset.from = from;
  item.textContent = `${from}: ${text}`;
  $("messages").append(item);
  item.scrollIntoView({ block: "nearest" });
  while ($("messages").children.length > 100) $("messages").firstChild.remove();
}

let last = null;
async function showStats() {
  const pc = session?.pc;
  if (!pc || session.over) return;
  const report = [...(await pc.getStats()).values()];
  const of = (type, kind) => report.find((stat) => stat.type === type && (!kind || stat.kind === kind));
  const byId = (id) => report.find((stat) => stat.id === id);
  const video = of("inbound-rtp", "video");
  const audio = of("inbound-rtp", "audio");
  const transport = of("transport");
  const pair = byId(transport?.selectedCandidatePairId);
  const now = { at: performance.now(), bytes: (video?.bytesReceived ?? 0) + (audio?.bytesReceived ?? 0) };
  const rate = last && now.at > last.at ? ((now.bytes - last.bytes) * 8) / (now.at - last.at) : 0;
  last = now;
  const codec = (stat) => byId(stat?.codecId)?.mimeType?.split("/")[1] ?? "–";
  const rows = {
    Video: video ? `${codec(video)} ${video.frameWidth ?? "?"}×${video.frameHeight ?? "?"} @ ${video.framesPerSecond ?? 0}` : "–",
    Audio: codec(audio),
    Bitrate: `${rate.toFixed(0)} kbit/s`,
    "Round trip": pair?.currentRoundTripTime == null ? "–" : `${(pair.currentRoundTripTime * 1000).toFixed(1)} ms`,
    Lost: `${(video?.packetsLost ?? 0) + (audio?.packetsLost ?? 0)} packets, ${video?.nackCount ?? 0} NACK`,
    Frames: `${video?.framesDecoded ?? 0} decoded, ${video?.framesDropped ?? 0} dropped`,
    Freezes: `${video?.freezeCount ?? 0}`,
    Path: pair ? `${byId(pair.localCandidateId)?.candidateType} → ${byId(pair.remoteCandidateId)?.candidateType}` : "–",
    Security: transport ? `${transport.dtlsCipher ?? "–"}, ${transport.srtpCipher ?? "–"}` : "–",
  };
  $("stats").replaceChildren(...Object.entries(rows).flatMap(([name, value]) => {
    const [dt, dd] = [document.createElement("dt"), document.createElement("dd")];
    dt.textContent = name;
    dd.textContent = value;
    return [dt, dd];
  }));
}

async function connect() {
  session?.close();
  session = new Session();
  window.viewerSession = session;
  const mine = session;
  try {
    await mine.start();
  } catch (error) {
    mine.end(error.message);
  }
}

$("sound").addEventListener("click", () => {
  $("video").muted = !$("video").muted;
  $("sound").setAttribute("aria-pressed", String(!$("video").muted));
  $("sound").textContent = $("video").muted ? "Sound on" : "Sound off";
});
$("reconnect").addEventListener("click", connect);
$("restart").addEventListener("click", () => session?.restartIce());
$("talk").addEventListener("change", connect);
$("camera").addEventListener("change", connect);
$("send").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = $("text").value;
  if (!text || session?.channel?.readyState !== "open") return;
  session.channel.send(text);
  say("us", text);
  $("text").value = "";
});
window.addEventListener("pagehide", () => session?.close());
setInterval(showStats, 1000);
connect();
