// Chromium and the camera in two network namespaces that lose packets.

import { firstFrame, launch, openPage, stats } from "../lib/browser.mjs";
import { agree, check, slack, sleep } from "../lib/figures.mjs";
import { obstacle, pair } from "../lib/network.mjs";
import { startDemo } from "../lib/stage.mjs";
import { theirs } from "./statistics.mjs";

const SECONDS = 40;
const PERCENT = 5;

const counters = (page) => Promise.all([
  page.evaluate(() => fetch("api/stats").then((response) => response.json())).then((all) => all[0]),
  stats(page),
]);

async function lossy() {
  const why = obstacle(["ip", "nft"]);
  if (why) return { skipped: why };
  const wire = pair();
  const { program, url } = await startDemo({ listen: `${wire.address}:0`, netns: wire.camera });
  const alone = await launch({ netns: wire.browser });
  try {
    wire.lose({ atCamera: PERCENT, atBrowser: PERCENT });
    const page = await openPage(alone);
    await page.goto(url);
    const first = await firstFrame(page, 20_000);
    await sleep(5000);
    const [sentBefore, seenBefore] = await counters(page);
    await sleep(SECONDS * 1000);
    const [sentAfter, seenAfter] = await counters(page);
    const dropped = wire.dropped();
    const framesSent = (viewer) => viewer.outbound.find((stream) => stream.kind === "video").framesSent;
    const sent = framesSent(sentAfter) - framesSent(sentBefore);
    const decoded = seenAfter.video.framesDecoded - seenBefore.video.framesDecoded;
    const freezes = seenAfter.video.freezeCount - seenBefore.video.freezeCount;
    check(dropped.atBrowser > sent * 0.05, `only ${dropped.atBrowser} packets were lost on the way`);
    check(sent > SECONDS * 28, `${sent} frames sent in ${SECONDS} s`);
    // A freeze is a wall-clock figure too: a browser that does not get the processor for 150 ms counts
    // one. KVS_STRICT=1 holds it to none.
    check(freezes <= slack - 1, `${freezes} freezes in ${SECONDS} s, ${decoded} of ${sent} frames decoded`);
    check(decoded >= sent * 0.99, `${decoded} of ${sent} frames decoded`);

    // The same counters, while every NACK arrives.
    wire.lose({ atBrowser: PERCENT });
    await sleep(500);
    const [mineBefore, chromiumBefore] = await counters(page);
    await sleep(10_000);
    const [mineAfter, chromiumAfter] = await counters(page);
    const [before, after] = [theirs(chromiumBefore), theirs(chromiumAfter)];
    const nacks = agree("NACKs", mineAfter.nackCount - mineBefore.nackCount, after.nacks - before.nacks, 0.02, 2);
    const resent = mineAfter.retransmittedPacketsSent - mineBefore.retransmittedPacketsSent;
    check(resent > 0, "nothing was resent");
    return [
      `first frame after ${Math.round(first)} ms`,
      `${decoded} of ${sent} frames decoded in ${SECONDS} s`,
      `${freezes} freezes`,
      `${dropped.atBrowser} packets lost`,
      nacks,
    ].join(", ");
  } finally {
    await alone.close();
    await program.stop();
  }
}

export default [{ name: `demo: ${PERCENT} % loss each way, no freeze`, run: lossy }];
