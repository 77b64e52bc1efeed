// What we count is what Chromium counts.

import { closePage, firstFrame, openPage, stats } from "../lib/browser.mjs";
import { agree, check, sleep } from "../lib/figures.mjs";
import { browser, demo } from "../lib/stage.mjs";

/** Our counters of one viewer. */
export async function ours(url, clientId) {
  const all = await (await fetch(new URL("api/stats", url))).json();
  const found = all.find((viewer) => viewer.clientId === clientId);
  check(found, `api/stats knows no viewer ${clientId}`);
  return found;
}

/** Chromium's counters, added up as ours are: what it got and what it missed. */
export function theirs({ video, audio, pair }) {
  const both = [video, audio].filter(Boolean);
  const sum = (of) => both.reduce((total, stat) => total + (of(stat) ?? 0), 0);
  return {
    packets: sum((stat) => stat.packetsReceived + stat.packetsLost),
    bytes: sum((stat) => stat.bytesReceived),
    headers: sum((stat) => stat.headerBytesReceived),
    nacks: sum((stat) => stat.nackCount),
    plis: sum((stat) => stat.pliCount),
    roundTrip: pair.currentRoundTripTime,
  };
}

async function agreement() {
  const { url } = await demo();
  const page = await openPage(await browser());
  try {
    await page.goto(`${url}?clientId=counted`);
    await firstFrame(page);
    // A round trip here is a fraction of a millisecond, and a browser that had to wait for a core
    // adds to its own: what is compared is the shortest each has seen.
    const trips = { ours: [], theirs: [] };
    for (let second = 0; second < 10; second++) {
      await sleep(1000);
      const [mine, chromium] = await Promise.all([ours(url, "counted"), stats(page)]);
      trips.ours.push(mine.candidatePair.currentRoundTripTime);
      trips.theirs.push(theirs(chromium).roundTrip);
    }
    const [mine, chromium] = await Promise.all([ours(url, "counted"), stats(page)]);
    const got = theirs(chromium);
    const sent = mine.outbound.reduce((total, stream) => total + stream.headerBytesSent, 0);
    return [
      agree("packets", mine.packetsSent, got.packets, 0.02),
      agree("bytes", mine.bytesSent, got.bytes, 0.02),
      agree("header bytes", sent, got.headers, 0.02),
      agree("NACKs", mine.nackCount, got.nacks, 0.02),
      // Chromium counts in whole milliseconds.
      agree("round trip", Math.min(...trips.ours), Math.min(...trips.theirs), 0.02, 0.002),
    ].join(", ");
  } finally {
    await closePage(page);
  }
}

export default [{ name: "statistics: ours agree with Chromium's getStats", run: agreement }];
