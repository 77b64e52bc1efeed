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
    await sleep(8000);
    const [mine, chromium] = await Promise.all([ours(url, "counted"), stats(page)]);
    const got = theirs(chromium);
    const sent = mine.outbound.reduce((total, stream) => total + stream.headerBytesSent, 0);
    return [
      agree("packets", mine.packetsSent, got.packets, 0.02),
      agree("bytes", mine.bytesSent, got.bytes, 0.02),
      agree("header bytes", sent, got.headers, 0.02),
      agree("NACKs", mine.nackCount, got.nacks, 0.02),
      // Both are fractions of a millisecond here, each taken at a moment of its own.
      agree("round trip", mine.candidatePair.currentRoundTripTime, got.roundTrip, 0.02, 0.001 * 3),
    ].join(", ");
  } finally {
    await closePage(page);
  }
}

export default [{ name: "statistics: ours agree with Chromium's getStats", run: agreement }];
