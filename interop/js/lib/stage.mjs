// What several tests share: started when first asked for, ended with the run.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { launch, openPage } from "./browser.mjs";
import { servePages } from "./pages.mjs";
import { CREDENTIALS, kvs, media, REGION } from "./programs.mjs";

const shared = new Map();
const once = (name, make) => {
  if (!shared.has(name)) shared.set(name, make());
  return shared.get(name);
};

/** Where a test may write; removed at the end. */
export const scratch = () => once("scratch", () => mkdtempSync(join(tmpdir(), "kvs-interop-")));

export function removeScratch() {
  if (shared.has("scratch")) rmSync(scratch(), { recursive: true, force: true });
}

/** The demo: service, camera and page in one program. */
export async function startDemo({ listen = "127.0.0.1:0", netns } = {}) {
  const program = kvs(["demo", "--listen", listen], { netns });
  const [, url] = await program.line(/open (http:\S+)/);
  return { program, url };
}

export const demo = () => once("demo", () => startDemo());

/** A browser as it comes. */
export const browser = () => once("browser", () => launch());

/** A browser with sound, fake camera and microphone, and no opinion of certificates. */
export const mediaBrowser = () =>
  once("media browser", () => launch({ sound: true, devices: true, anyCertificate: true }));

/** A service of its own, over TLS for the SDK and over plain HTTP for the rest. */
export const service = () => once("service", () => startService());

export async function startService() {
  const { accessKeyId, secretAccessKey } = CREDENTIALS;
  const program = kvs([
    "service",
    "--listen", "127.0.0.1:0",
    "--listen-http", "127.0.0.1:0",
    "--access-key", accessKeyId,
    "--secret-key", secretAccessKey,
  ]);
  const [https] = await program.line(/https:\/\/[^\s/]+/);
  const [http] = await program.line(/http:\/\/[^\s/]+/);
  return { program, http, wss: https.replace("https:", "wss:") };
}

/** What `kvs channel describe` says is the ARN of `channel`. */
const arn = (channel) => once(`ARN of ${channel}`, async () => {
  const { http } = await service();
  const program = kvs(["channel", "describe", channel, "--endpoint", http], { name: "channel" });
  await program.exit;
  const found = program.lines.join(" ").match(/arn:aws:[^\s"]+/);
  if (!found) throw new Error(`kvs channel describe ${channel}: ${program.tail()}`);
  return found[0];
});

/** A camera on the shared service, on a channel of its own, with our page. */
export async function startMaster(channel, args = [], { video = "sample.h264", audio = "sample.opus" } = {}) {
  const { http } = await service();
  const program = kvs([
    "master",
    "--channel", channel,
    "--create",
    "--endpoint", http,
    "--page", "127.0.0.1:0",
    ...(video ? ["--video", media(video)] : []),
    ...(audio ? ["--audio", media(audio)] : []),
    ...args,
  ], { name: `master ${channel}` });
  const [, url] = await program.line(/viewer page at (http:\S+)/);
  await program.line(/on air/);
  return { program, channel, url };
}

/** The camera most tests watch: H.264 and Opus. */
export const camera = () => once("camera", () => startMaster("interop"));

export const pages = () => once("pages", servePages);

export async function closePages() {
  if (shared.has("pages")) (await shared.get("pages").catch(() => null))?.close();
}

let viewers = 0;

/** A page with the official SDK as viewer of `channel`. */
export async function sdkViewer(channel, options = {}) {
  const [browser, { sdk }, { wss }] = await Promise.all([mediaBrowser(), pages(), service()]);
  const page = await openPage(browser);
  await page.goto(sdk);
  viewers += 1;
  await page.evaluate((config) => startViewer(config), {
    channelARN: await arn(channel),
    endpoint: wss,
    region: REGION,
    clientId: `sdk-${viewers}`,
    credentials: CREDENTIALS,
    ...options,
  });
  return page;
}
