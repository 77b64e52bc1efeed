// Real browsers against the real programs: `node run.mjs [filter]`.
//
// Prints one line a test, `ok NAME (figures)`, `FAILED NAME: why` or `skipped NAME: why`, and exits non-zero if one
// failed. KVS_TRACE=1 shows what the programs say, KVS_STRICT=1 holds times to their budgets (lib/figures.mjs).

import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { closeBrowsers } from "./lib/browser.mjs";
import { sleep } from "./lib/figures.mjs";
import { hasNetwork, isRoot, removeNetworks, shelter } from "./lib/network.mjs";
import { killAll, stopAll } from "./lib/programs.mjs";
import { closePages, removeScratch } from "./lib/stage.mjs";

const self = fileURLToPath(import.meta.url);
const filter = process.argv[2] ?? "";
/** No test takes this long; one that does has hung. */
const LIMIT = 200_000;

// A browser offers no loopback address. Where there is no other, everything moves into a namespace with one.
if (!hasNetwork() && isRoot && !process.env.KVS_SHELTERED) {
  const netns = shelter();
  const args = ["netns", "exec", netns, process.execPath, self, ...process.argv.slice(2)];
  const { status } = spawnSync("ip", args, { stdio: "inherit", env: { ...process.env, KVS_SHELTERED: "1" } });
  removeNetworks();
  process.exit(status ?? 1);
}

async function cleanUp() {
  await closeBrowsers();
  await stopAll();
  await closePages();
  removeNetworks();
  removeScratch();
}

for (const signal of ["SIGINT", "SIGTERM"]) {
  process.on(signal, async () => {
    await Promise.race([cleanUp(), sleep(5000)]);
    process.exit(130);
  });
}
process.on("exit", killAll);

const tests = [];
for (const file of readdirSync(new URL("tests", import.meta.url)).sort()) {
  if (file.endsWith(".mjs")) tests.push(...(await import(`./tests/${file}`)).default);
}
const chosen = tests.filter(({ name }) => name.includes(filter));

let failed = 0;
const report = async (test, work) => {
  const started = Date.now();
  try {
    const limit = sleep(LIMIT).then(() => Promise.reject(new Error(`hung for ${LIMIT / 1000} s`)));
    const figures = await Promise.race([work(), limit]);
    if (figures?.skipped) return console.log(`skipped ${test.name}: ${figures.skipped}`);
    console.log(`ok ${test.name}${figures ? ` (${figures})` : ""}`);
  } catch (error) {
    failed += 1;
    const why = (process.env.KVS_TRACE ? error.stack : error.message) ?? String(error);
    console.log(`FAILED ${test.name}: ${why.replace(/\s*\n\s*/g, " ")}`);
  } finally {
    if (process.env.KVS_TRACE) console.error(`[run] ${test.name}: ${((Date.now() - started) / 1000).toFixed(1)} s`);
  }
};

// A long watch runs beside the other tests and is reported last.
const beside = chosen.filter((test) => test.beside);
const inTurn = chosen.filter((test) => !test.beside);
const quiet = inTurn.filter((test) => test.quiet);
for (const test of quiet) await report(test, test.run);
const watching = beside.map((test) => ({ test, result: test.run() }));
watching.forEach(({ result }) => result.catch(() => {}));
for (const test of inTurn.filter((test) => !test.quiet)) await report(test, test.run);
for (const { test, result } of watching) await report(test, () => result);

await cleanUp();
if (chosen.length === 0) console.log(`no test's name contains "${filter}"`);
process.exit(failed > 0 || chosen.length === 0 ? 1 : 0);
