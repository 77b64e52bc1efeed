// Put into every page before its own scripts: watches the first <video> and the stream it plays.
//
// probe.first     ms from the start of the navigation to the first decoded frame
// probe.readings  {at, frame, rgb} of each presented frame: Unix ms, number and colour off the canvas
// probe.tones     {row, at} each time another tone is heard, Unix ms
// probe.pitches   {row, hz} the pitch of each tone that was heard for most of its second
"use strict";
(() => {
  const TONES = [400, 550, 700, 900, 1150, 1450];
  const probe = { first: null, presented: 0, readings: [], tones: [], pitches: [], reading: true, errors: [] };
  window.probe = probe;
  window.addEventListener("error", (event) => probe.errors.push(String(event.message)));
  window.addEventListener("unhandledrejection", (event) => probe.errors.push(String(event.reason)));

  // The lower rows hold 16 blocks of 40x40 pixels; one pixel of each is enough, and cheap.
  const canvas = document.createElement("canvas");
  canvas.width = 20;
  canvas.height = 1;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.imageSmoothingEnabled = false;

  function read(video) {
    context.drawImage(video, 0, 336, 640, 8, 0, 0, 16, 1);
    context.imageSmoothingEnabled = true;
    context.drawImage(video, 92, 242, 16, 16, 16, 0, 4, 1);
    context.imageSmoothingEnabled = false;
    const { data } = context.getImageData(0, 0, 20, 1);
    let value = 0;
    for (let k = 0; k < 16; k++) value = value * 2 + (data[4 * k + 1] > 128 ? 1 : 0);
    const rgb = [0, 1, 2].map((c) => (data[64 + c] + data[68 + c] + data[72 + c] + data[76 + c]) / 4);
    return { frame: value >> 12 === 0xa ? value & 0xfff : null, rgb };
  }

  function watch(video) {
    const presented = (now) => {
      probe.presented += 1;
      probe.first ??= performance.now();
      if (probe.reading) {
        const reading = read(video);
        // `now` lies before the drawing above.
        if (reading.frame !== null) probe.readings.push({ at: performance.timeOrigin + now, ...reading });
        if (probe.readings.length > 10_000) probe.readings.splice(0, 5_000);
      }
      video.requestVideoFrameCallback(presented);
    };
    video.requestVideoFrameCallback(presented);
  }

  addEventListener("DOMContentLoaded", () => {
    const found = document.querySelector("video");
    if (found) watch(found);
  });

  // An AudioWorklet finds the upward zero crossings of the tone: five of them give its pitch to a
  // fraction of a percent within milliseconds of a change, which no FFT would.
  const worklet = `
    const TONES = ${JSON.stringify(TONES)};
    registerProcessor("meter", class extends AudioWorkletProcessor {
      constructor() {
        super();
        this.crossings = []; this.below = false; this.last = 0; this.row = -1; this.run = 0; this.skews = [];
        this.span = null;
      }
      process([input]) {
        const samples = input[0];
        const skew = Date.now() - currentTime * 1000;
        // Blocks come in bursts; the earliest of a while tells where the audio clock lies.
        this.skews.push(skew);
        if (this.skews.length > 750) this.skews.shift();
        if (!samples) return true;
        for (let i = 0; i < samples.length; i++) {
          const x = samples[i];
          if (x < -0.02) this.below = true;
          if (this.below && x >= 0 && this.last < 0) {
            this.below = false;
            this.crossing((currentFrame + i - x / (x - this.last)) / sampleRate);
          }
          this.last = x;
        }
        return true;
      }
      crossing(t) {
        this.crossings.push(t);
        if (this.crossings.length < 5) return;
        const first = this.crossings.shift();
        const hz = 4 / (this.crossings[3] - first);
        const row = TONES.findIndex((tone) => Math.abs(hz / tone - 1) < 0.06);
        this.run = row >= 0 && row === this.candidate ? this.run + 1 : 1;
        if (this.run === 1) this.since = first;
        this.candidate = row;
        if (row >= 0 && this.run === 3 && row !== this.row) {
          this.row = row;
          this.span = null;
          this.port.postMessage({ row, at: this.since * 1000 + Math.min(...this.skews) });
        }
        if (row !== this.row) { this.span = null; return; }
        // The pitch over half a second: crossings counted, not guessed from one period.
        const latest = this.crossings[3];
        if (!this.span) { this.span = { from: latest, periods: 0, told: false }; return; }
        this.span.periods += 1;
        const long = latest - this.span.from;
        if (long < 0.5 || this.span.told) return;
        this.span.told = true;
        this.port.postMessage({ row, hz: this.span.periods / long });
      }
    });`;

  // A context that was starved for a moment keeps what piled up in its input and runs that much behind
  // for good; so each measurement listens with a fresh one.
  probe.listen = async (stream) => {
    await probe.audio?.close();
    const audio = new AudioContext({ sampleRate: 48_000 });
    await audio.audioWorklet.addModule(URL.createObjectURL(new Blob([worklet], { type: "text/javascript" })));
    probe.tones.length = 0;
    probe.pitches.length = 0;
    const meter = new AudioWorkletNode(audio, "meter", { numberOfOutputs: 1 });
    meter.port.onmessage = ({ data }) => (data.hz ? probe.pitches : probe.tones).push(data);
    audio.createMediaStreamSource(stream).connect(meter);
    // Without a way to the output nothing is pulled.
    const silence = new GainNode(audio, { gain: 0 });
    meter.connect(silence).connect(audio.destination);
    await audio.resume();
    probe.audio = audio;
  };

  /** Sends `length` random bytes and waits for the same bytes to come back. */
  probe.echo = async (channel, length) => {
    const sent = new Uint8Array(length);
    for (let at = 0; at < length; at += 65_536) crypto.getRandomValues(sent.subarray(at, Math.min(length, at + 65_536)));
    const back = new Promise((resolve, reject) => {
      const listen = ({ data }) => {
        if (typeof data === "string" || data.byteLength !== length) return;
        channel.removeEventListener("message", listen);
        resolve(new Uint8Array(data));
      };
      channel.addEventListener("message", listen);
      setTimeout(() => reject(new Error(`no echo of ${length} bytes in 10 s, channel ${channel.readyState}`)), 10_000);
    });
    const start = performance.now();
    channel.send(sent);
    const got = await back;
    return { same: got.every((byte, at) => byte === sent[at]), ms: performance.now() - start };
  };
})();
