// Offers of other shapes, and what happens to a connection that is up.

import { closePage, firstFrame, launch, openPage, stats } from "../lib/browser.mjs";
import { check, sleep, until } from "../lib/figures.mjs";
import { ipv6Only, obstacle } from "../lib/network.mjs";
import { browser, camera, sdkViewer, startDemo, startMaster } from "../lib/stage.mjs";

/** Whatever was offered flows, and nothing else. */
async function flowing(page, { video = false, audio = false }) {
  await until("connection", () => page.evaluate(() => viewer.pc.connectionState === "connected"));
  if (video) await firstFrame(page);
  const before = await stats(page);
  await sleep(1500);
  const after = await stats(page);
  const frames = (after.video?.framesDecoded ?? 0) - (before.video?.framesDecoded ?? 0);
  const packets = (after.audio?.packetsReceived ?? 0) - (before.audio?.packetsReceived ?? 0);
  check(video ? frames > 20 : !after.video, `${frames} frames decoded in 1.5 s`);
  check(audio ? packets > 50 : !after.audio, `${packets} packets of sound in 1.5 s`);
  return [video && `${frames} frames`, audio && `${packets} packets of sound`].filter(Boolean).join(", ");
}

const shape = (name, options, expected) => ({
  name: `SDK: ${name}`,
  async run() {
    const page = await sdkViewer((await camera()).channel, options);
    try {
      const text = await flowing(page, expected);
      if (!options.data) return `${text} in 1.5 s`;
      await page.waitForFunction(() => viewer.channel.readyState === "open", null, { timeout: 5000 });
      const { same } = await page.evaluate(() => probe.echo(viewer.channel, 1000));
      check(same, "a message came back changed");
      return [text && `${text} in 1.5 s`, "echo"].filter(Boolean).join(", ");
    } finally {
      await closePage(page);
    }
  },
});

async function noTrickle() {
  const page = await sdkViewer((await camera()).channel, { trickle: false });
  try {
    const text = await flowing(page, { video: true, audio: true });
    const { offer, answer } = await page.evaluate(() => ({ offer: viewer.offer, answer: viewer.answer }));
    check(/^a=candidate:/m.test(offer), "the offer went out without candidates");
    check(/^a=candidate:/m.test(answer), "the answer holds no candidate");
    return text;
  } finally {
    await closePage(page);
  }
}

/** Chromium's counters of what an ICE restart must leave alone. */
const connection = (page) => page.evaluate(async () => {
  const { pc } = viewer;
  const all = [...(await pc.getStats()).values()];
  const transport = all.find((stat) => stat.type === "transport");
  const video = all.find((stat) => stat.type === "inbound-rtp" && stat.kind === "video");
  return {
    ufrag: [pc.localDescription, pc.remoteDescription].map(({ sdp }) => sdp.match(/a=ice-ufrag:(\S+)/)[1]),
    used: transport.iceLocalUsernameFragment,
    fingerprint: pc.remoteDescription.sdp.match(/a=fingerprint:(.*)/)[1].trim(),
    dtls: [transport.dtlsState, transport.tlsVersion, transport.dtlsCipher, transport.srtpCipher].join(),
    changes: window.dtlsChanges?.length ?? 0,
    frames: video.framesDecoded,
    lost: video.packetsLost,
    ssrc: video.ssrc,
    freezes: video.freezeCount,
    states: viewer.states.join(),
  };
});

async function restart() {
  const page = await sdkViewer((await camera()).channel);
  try {
    await firstFrame(page);
    await page.waitForFunction(() => viewer.channel.readyState === "open");
    await page.evaluate(() => {
      window.dtlsChanges = [];
      const transport = viewer.pc.getReceivers()[0].transport;
      transport.addEventListener("statechange", () => dtlsChanges.push(transport.state));
    });
    await sleep(1000);
    const before = await connection(page);
    await page.evaluate(() => restartIce());
    await until("new credentials in use", async () => {
      const now = await connection(page);
      return now.ufrag[1] !== before.ufrag[1] && now.used === now.ufrag[0];
    });
    const at = await connection(page);
    await sleep(2000);
    const after = await connection(page);
    check(after.ufrag[0] !== before.ufrag[0], "Chromium kept its ICE credentials");
    check(after.fingerprint === before.fingerprint, "the camera's certificate changed");
    check(after.dtls === before.dtls && after.changes === 0, `DTLS went from ${before.dtls} to ${after.dtls}`);
    check(after.ssrc === before.ssrc, "the stream changed");
    check(!/disconnected|failed/.test(after.states), `connection states ${after.states}`);
    check(after.frames - at.frames > 40, `${after.frames - at.frames} frames in the 2 s after the restart`);
    check(after.freezes === before.freezes, "the picture froze");
    const { same } = await page.evaluate(() => probe.echo(viewer.channel, 10_000));
    check(same, "a message came back changed");
    return `${at.frames - before.frames} frames during it, ${after.frames - at.frames} in 2 s after it, ${after.lost - before.lost} packets lost`;
  } finally {
    await closePage(page);
  }
}

async function offerer() {
  const { program, url } = await startMaster("calling", ["--call", "callee"]);
  const page = await openPage(await browser());
  try {
    await page.goto(`${url}?clientId=callee&wait=1`);
    const first = await firstFrame(page);
    const offered = await page.evaluate(() => viewerSession.pc.remoteDescription.type);
    check(offered === "offer", `the camera sent an ${offered}`);
    await until("sound", async () => (await stats(page)).audio?.packetsReceived > 50);
    await page.waitForFunction(() => viewerSession.channel?.readyState === "open", null, { timeout: 5000 });
    const { same } = await page.evaluate(() => probe.echo(viewerSession.channel, 10_000));
    check(same, "a message came back changed");
    return `first frame after ${Math.round(first)} ms`;
  } finally {
    await closePage(page);
    await program.stop();
  }
}

async function goodbye() {
  const { program, url } = await startMaster("leaving");
  const page = await openPage(await browser());
  try {
    await page.goto(url);
    await firstFrame(page);
    const seen = page.evaluate(() => new Promise((resolve) => {
      const notice = document.querySelector("#notice");
      new MutationObserver(() => {
        if (!notice.hidden && /the camera left/.test(notice.textContent)) resolve(performance.timeOrigin + performance.now());
      }).observe(notice, { attributes: true, childList: true, characterData: true, subtree: true });
      setTimeout(() => resolve(null), 5000);
    }));
    await sleep(300);
    const asked = Date.now();
    program.child.kill("SIGINT");
    const over = await program.exit;
    const left = await seen;
    check(over.code === 0, `exit code ${over.code ?? over.signal}`);
    check(over.at - asked <= 1000, `the camera took ${over.at - asked} ms to end`);
    check(left !== null, "the page never said that the camera left");
    check(left - asked <= 1000, `the page said so after ${Math.round(left - asked)} ms`);
    return `said after ${Math.round(left - asked)} ms, ended after ${over.at - asked} ms`;
  } finally {
    await closePage(page);
    await program.stop();
  }
}

async function overIpv6() {
  const why = obstacle(["ip"]);
  if (why) return { skipped: why };
  const { name: netns, address } = ipv6Only();
  const { program, url } = await startDemo({ listen: `[${address}]:0`, netns });
  const alone = await launch({ netns });
  try {
    const page = await openPage(alone);
    await page.goto(url);
    const first = await firstFrame(page);
    const { local, remote } = await until("candidate pair", async () => {
      const now = await stats(page);
      return now.pair?.state === "succeeded" && now;
    });
    const addresses = [...local, ...remote].map((candidate) => candidate.address ?? candidate.ip).filter(Boolean);
    check(addresses.length > 0 && addresses.every((a) => a.includes(":") || a.endsWith(".local")), `candidates ${addresses}`);
    return `first frame after ${Math.round(first)} ms, ${addresses.join(" and ")}`;
  } finally {
    await alone.close();
    await program.stop();
  }
}

export default [
  shape("audio only", { video: null, data: false }, { audio: true }),
  shape("video only", { audio: null, data: false }, { video: true }),
  shape("data only", { audio: null, video: null, data: true }, {}),
  { name: "SDK: trickle off", run: noTrickle },
  { name: "SDK: an ICE restart", run: restart },
  { name: "our page: the camera makes the offer", run: offerer },
  { name: "our page: Ctrl-C at the camera", run: goodbye },
  { name: "our page: IPv6 only", run: overIpv6 },
];
