// The official SDK and our own page watch one camera: picture, sound, their offset, data.

import { closePage, firstFrame, openPage, stats } from "../lib/browser.mjs";
import { check, median, sleep } from "../lib/figures.mjs";
import { nearestColour, TONES } from "../lib/media.mjs";
import { camera, mediaBrowser, sdkViewer } from "../lib/stage.mjs";

/** Seconds before and after the one that is asked for. */
const LISTEN = 4;

/** Offsets of tone behind colour, in ms, for each change of both that was seen. */
function offsets({ readings, tones }) {
  const changes = [];
  readings.forEach((reading, i) => {
    const previous = readings[i - 1];
    if (!previous) return;
    const [before, after] = [previous, reading].map(({ rgb }) => nearestColour(rgb));
    if (before.row !== after.row && after.off < 20) changes.push({ row: after.row, at: reading.at });
  });
  return changes.flatMap(({ row, at }) => {
    const heard = tones.find((tone) => tone.row === row && Math.abs(tone.at - at) < 500);
    return heard ? [{ at, offset: heard.at - at }] : [];
  });
}

/** What was shown and heard is what was sent, and together. `from`: Unix ms of the first frame. */
function judge(seen, from, seconds) {
  const { readings, pitches, errors } = seen;
  check(errors.length === 0, () => `the page says: ${errors.join("; ")}`);
  check(readings.length > seconds * 20, `${readings.length} frames read in ${seconds} s`);
  const wrong = readings.filter(({ frame, rgb }) => {
    const { row, off } = nearestColour(rgb);
    return row !== Math.floor(frame / 30) % 6 || off > 12;
  });
  check(wrong.length === 0, () => `${wrong.length} frames with another colour than their second: ${JSON.stringify(wrong[0])}`);
  const steps = readings.slice(1).map(({ frame }, i) => (frame - readings[i].frame + 360) % 360);
  check(steps.every((step) => step < 180), "the timecode runs backwards");
  check(pitches.length >= LISTEN, `the pitch of ${pitches.length} tones measured in ${2 * LISTEN} s`);
  const off = pitches.map(({ row, hz }) => Math.abs(hz / TONES[row] - 1));
  // A jitter buffer that adapts stretches a tone now and then.
  check(median(off) < 0.005, () => `the pitches are ${JSON.stringify(pitches)}`);
  const all = offsets(seen).map(({ at, offset }) => ({ second: (at - from) / 1000, offset }));
  const near = (second) => {
    const around = all.filter((change) => Math.abs(change.second - second) <= LISTEN).map(({ offset }) => offset);
    check(around.length >= 3, () => `${around.length} changes of colour and tone seen around ${second} s (${all.length} in all)`);
    const middle = median(around);
    check(Math.abs(middle) <= 80, `at ${second} s the tone is ${Math.round(middle)} ms behind the colour`);
    return `${Math.round(middle)} ms at ${second} s`;
  };
  const worst = Math.max(...off) * 100;
  return { near, pitch: `pitch within ${worst.toFixed(2)} %` };
}

const seenBy = (page) => page.evaluate(() => {
  const { readings, tones, pitches, errors } = probe;
  return { readings, tones, pitches, errors };
});

/** Listens around each of `seconds` after the first frame, and looks at everything. */
async function watch(page, seconds) {
  await firstFrame(page);
  const from = await page.evaluate(() => performance.timeOrigin + probe.first);
  const figures = [];
  let last;
  for (const second of seconds) {
    await sleep(from + (second - LISTEN) * 1000 - Date.now());
    await page.evaluate(() => probe.listen(document.querySelector("video").srcObject));
    await sleep(from + (second + LISTEN) * 1000 - Date.now());
    last = judge(await seenBy(page), from, second);
    figures.push(last.near(second));
  }
  return `tone behind colour ${figures.join(", ")}; ${last.pitch}`;
}

async function echo(page, channel) {
  await page.waitForFunction(channel + ".readyState === 'open'", null, { timeout: 5000 });
  const { same, ms } = await page.evaluate(`probe.echo(${channel}, 65_536)`);
  check(same, "the 64 KB came back changed");
  return `64 KB echoed in ${Math.round(ms)} ms`;
}

async function sdkLong() {
  const { channel } = await camera();
  const page = await sdkViewer(channel);
  try {
    return await watch(page, [10, 120]);
  } finally {
    await closePage(page);
  }
}

async function sdkEcho() {
  const { channel } = await camera();
  const page = await sdkViewer(channel);
  try {
    await firstFrame(page);
    const text = await echo(page, "viewer.channel");
    const { transport } = await stats(page);
    return `${text}; ${transport.dtlsCipher}, ${transport.srtpCipher}`;
  } finally {
    await closePage(page);
  }
}

async function ours() {
  const { url } = await camera();
  const page = await openPage(await mediaBrowser());
  try {
    await page.goto(url);
    const figures = await watch(page, [10]);
    return `${figures}; ${await echo(page, "viewerSession.channel")}`;
  } finally {
    await closePage(page);
  }
}

export default [
  { name: "SDK: picture, sound and their offset over 120 s", run: sdkLong, beside: true },
  { name: "SDK: 64 KB through the data channel", run: sdkEcho },
  { name: "our page: picture, sound, offset, 64 KB echo", run: ours },
];
