// The demo as a person meets it: a browser without flags, a page that is opened.

import { browser, demo } from "../lib/stage.mjs";
import { closePage, firstFrame, openPage } from "../lib/browser.mjs";
import { check, median, percentile, sleep, until, withinBudget } from "../lib/figures.mjs";
import { lag, nearestColour } from "../lib/media.mjs";

const LOADS = 20;
const TEN = 10;

/** A window of its own, empty. */
async function empty({ reading = false } = {}) {
  const page = await openPage(await browser());
  if (!reading) await page.addInitScript(() => (probe.reading = false));
  return page;
}

/** Opens the demo in a window of its own without waiting for anything. */
async function visit(url, options) {
  const page = await empty(options);
  await page.goto(url, { waitUntil: "commit" });
  return page;
}

async function loads() {
  const { url } = await demo();
  const times = [];
  for (let load = 0; load < LOADS; load++) {
    const page = await visit(url);
    times.push(await firstFrame(page));
    await closePage(page);
  }
  return `p50 ${Math.round(median(times))} ms, ${withinBudget("p95", percentile(times, 95), 700)}`;
}

async function shownLag() {
  const { url } = await demo();
  const page = await visit(url, { reading: true });
  await firstFrame(page);
  const clock = await page.evaluate(() => fetch("api/media").then((response) => response.json()));
  check(clock?.startedUnixMs > 0, "api/media tells no start");
  await sleep(6000);
  const readings = await page.evaluate(() => probe.readings);
  await closePage(page);
  check(readings.length > 60, `${readings.length} frames in 6 s had a number to read`);
  const wrong = readings.filter(({ frame, rgb }) => {
    const { row, off } = nearestColour(rgb);
    return row !== Math.floor(frame / 30) % 6 || off > 12;
  });
  check(wrong.length === 0, () => `${wrong.length} frames have another colour than their second: ${JSON.stringify(wrong[0])}`);
  const settled = readings.slice(readings.length / 3).map((reading) => lag(reading, clock));
  return `${withinBudget("median", median(settled), 150)}, p95 ${Math.round(percentile(settled, 95))} ms`;
}

/** Quotas of KVS that the service saw exceeded, with counts. */
async function exceeded(url) {
  const { violations, exceeded } = await (await fetch(new URL("api/service", url))).json();
  check(Number.isInteger(violations), "api/service tells no violations");
  return Object.entries(exceeded).map(([quota, count]) => `${count} x ${quota}`).join(", ");
}

/** Ten pages at 3 a second, the eleventh, then five reloads of each of the ten. */
async function crowd() {
  const { url } = await demo();
  const pages = [];
  try {
    // A browser takes longer than a third of a second to make a window here.
    for (let viewer = 0; viewer < TEN; viewer++) pages.push(await empty());
    const times = await Promise.all(pages.map(async (page, viewer) => {
      await sleep((viewer * 1000) / 3);
      await page.goto(url, { waitUntil: "commit" });
      return firstFrame(page);
    }));
    check((await exceeded(url)) === "", `with ten viewers: ${await exceeded(url)}`);
    const slowest = withinBudget("slowest of ten", Math.max(...times), 2000);

    const eleventh = await visit(url);
    const notice = await until("notice on the eleventh page", () => eleventh.evaluate(() => {
      const shown = document.querySelector("#notice");
      return !shown.hidden && shown.textContent;
    }));
    check(/viewer limit/i.test(notice), `the eleventh page says "${notice}"`);
    await closePage(eleventh);

    const again = (await Promise.all(pages.map(async (page) => {
      const times = [];
      for (let reload = 0; reload < 5; reload++) {
        await page.reload({ waitUntil: "commit" });
        times.push(await firstFrame(page));
      }
      return times;
    }))).flat();
    check(again.length === 50, `${again.length} of 50 reloads had a picture`);
    // The eleventh exceeded a quota by being one too many, and its page by asking why.
    const busy = (await exceeded(url)).replace(/\d+ x viewers/, "").replace(/^, |, $/, "");
    return [
      `${slowest}, 0 quota violations`,
      `50 reloads p50 ${Math.round(median(again))} ms, slowest ${Math.round(Math.max(...again))} ms${busy && `, ${busy}`}`,
    ].join("; ");
  } finally {
    await Promise.all(pages.map(closePage));
  }
}

export default [
  { name: "demo: navigation to first decoded frame, 20 loads", run: loads, quiet: true },
  { name: "demo: the frame shown lags the camera's send", run: shownLag, quiet: true },
  { name: "demo: ten viewers, an eleventh, fifty reloads", run: crowd, quiet: true },
];
