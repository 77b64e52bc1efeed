// A viewer sends its own camera and microphone; the master records them.

import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { closePage, stats } from "../lib/browser.mjs";
import { check, sleep, until } from "../lib/figures.mjs";
import { scratch, sdkViewer, startMaster } from "../lib/stage.mjs";

const SECONDS = 6;

function ffprobe(file) {
  const text = execFileSync("ffprobe", [
    "-v", "error", "-count_frames", "-show_entries",
    "stream=codec_name,codec_type,width,height,nb_read_frames:packet=pts_time,duration_time", "-of", "json", file,
  ], { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"], maxBuffer: 64 << 20 });
  const { streams: [stream], packets } = JSON.parse(text);
  const times = packets.map((packet) => Number(packet.pts_time)).filter(Number.isFinite);
  const span = times.length > 0 ? Math.max(...times) - Math.min(...times) : NaN;
  return { ...stream, frames: Number(stream.nb_read_frames), packets: packets.length, span };
}

/** What Chromium's encoders gave out, when they have stopped. */
async function send(page) {
  await until("frames on their way", async () => (await stats(page)).sentVideo?.framesSent > 5);
  await sleep(SECONDS * 1000);
  await page.evaluate(async () => {
    for (const sender of viewer.pc.getSenders()) await sender.replaceTrack(null);
  });
  await sleep(700);
  const { sentVideo } = await stats(page);
  const { audio, video } = await page.evaluate(() => viewer.sent);
  const seconds = ({ first, last }, rate) => ((last - first) >>> 0) / rate;
  return {
    framesSent: sentVideo.framesSent,
    width: sentVideo.frameWidth,
    video: seconds(video, 90_000),
    audio: seconds(audio, 48_000),
  };
}

const records = (name, codec, video, extension) => ({
  name: `SDK: its ${name} and microphone recorded by the camera`,
  async run() {
    const dir = join(scratch(), `record${extension}`);
    mkdirSync(dir, { recursive: true });
    const { program, channel } = await startMaster(`record${extension}`, ["--record-dir", dir], { video });
    try {
      const page = await sdkViewer(channel, { send: true, codec });
      const sent = await send(page);
      await page.evaluate(() => viewer.pc.close());
      await closePage(page);
      await Promise.all([program.line(/recorded .*opus/), program.line(new RegExp(`recorded .*\\${extension}`))]);
      const [sound, picture] = [".opus", extension].map((end) => {
        const file = readdirSync(dir).find((file) => file.endsWith(end));
        return ffprobe(join(dir, file));
      });
      check(Math.abs(picture.frames - sent.framesSent) <= 2, `${picture.frames} frames recorded of ${sent.framesSent} sent`);
      check(picture.width === sent.width, `${picture.width} pixels wide, sent ${sent.width}`);
      check(sound.codec_name === "opus", `sound as ${sound.codec_name}`);
      const figures = [`${picture.frames}/${sent.framesSent} frames`, lasts("sound", sound.span, sent.audio)];
      // Annex B has no clock.
      if (extension === ".ivf") figures.push(lasts("picture", picture.span, sent.video));
      return figures.join(", ");
    } finally {
      await program.stop();
    }
  },
});

function lasts(what, recorded, sent) {
  const text = `${what} ${recorded.toFixed(2)}/${sent.toFixed(2)} s`;
  check(Math.abs(recorded - sent) <= 0.1, `recorded/sent ${text}`);
  return text;
}

export default [
  records("H.264 camera", "video/H264", "sample.h264", ".h264"),
  records("VP8 camera", "video/VP8", "sample-vp8.ivf", ".ivf"),
];
