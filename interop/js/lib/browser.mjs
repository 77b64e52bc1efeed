// Chromium as it is installed, driven over its pipe.

import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const HERE = dirname(fileURLToPath(import.meta.url));
const PROBE = join(HERE, "..", "pages", "probe.js");
export const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";

// Neither candidates nor security are touched by these.
const HARMLESS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
const SOUND = ["--autoplay-policy=no-user-gesture-required"];
const FAKE_DEVICES = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"];
// For the SDK, whose signer accepts wss:// only: the service signed its certificate itself.
const ANY_CERTIFICATE = ["--ignore-certificate-errors"];

const opened = new Set();

/** A browser; `netns` puts it into a network namespace. */
export async function launch({ sound = false, devices = false, anyCertificate = false, netns } = {}) {
  const browser = await chromium.launch({
    executablePath: netns ? join(HERE, "chromium-in-netns.sh") : CHROMIUM,
    env: { ...process.env, ...(netns ? { KVS_NETNS: netns, CHROMIUM } : {}) },
    args: [
      ...HARMLESS,
      ...(sound ? SOUND : []),
      ...(devices ? FAKE_DEVICES : []),
      ...(anyCertificate ? ANY_CERTIFICATE : []),
      ...(process.env.CHROMIUM_FLAGS?.split(" ") ?? []),
    ],
    handleSIGINT: false,
    handleSIGTERM: false,
  });
  opened.add(browser);
  browser.on("disconnected", () => opened.delete(browser));
  return browser;
}

export async function closeBrowsers() {
  await Promise.all([...opened].map((browser) => browser.close().catch(() => {})));
}

/** A page in a window and profile of its own, with the probe in it. */
export async function openPage(browser, { permissions } = {}) {
  const context = await browser.newContext({ permissions });
  const page = await context.newPage();
  await page.addInitScript({ path: PROBE });
  page.console = [];
  page.on("console", (message) => page.console.push(message.text()));
  return page;
}

export async function closePage(page) {
  await page.context().close().catch(() => {});
}

/** ms from the start of the navigation to the first decoded frame. */
export async function firstFrame(page, limit = 10_000) {
  await page.waitForFunction(() => window.probe?.first != null, null, { timeout: limit, polling: 50 }).catch(async () => {
    throw new Error(`no frame within ${limit / 1000} s; the page says: ${await page.evaluate(saying).catch(String)}`);
  });
  return page.evaluate(() => probe.first);
}

const saying = () => [
  document.querySelector("#state")?.textContent,
  document.querySelector("#notice")?.textContent,
  (window.viewer?.pc ?? window.viewerSession?.pc)?.connectionState,
  ...probe.errors,
].filter(Boolean).join("; ");

/** Chromium's statistics, flat, by type and kind. */
export function stats(page) {
  return page.evaluate(async () => {
    const pc = window.viewer?.pc ?? window.viewerSession.pc;
    const all = [...(await pc.getStats()).values()];
    const of = (type, kind) => all.find((stat) => stat.type === type && (!kind || stat.kind === kind)) ?? null;
    const transport = of("transport");
    return {
      video: of("inbound-rtp", "video"),
      audio: of("inbound-rtp", "audio"),
      sentVideo: of("outbound-rtp", "video"),
      sentAudio: of("outbound-rtp", "audio"),
      transport,
      pair: all.find((stat) => stat.id === transport?.selectedCandidatePairId) ?? null,
      local: all.filter((stat) => stat.type === "local-candidate"),
      remote: all.filter((stat) => stat.type === "remote-candidate"),
    };
  });
}
