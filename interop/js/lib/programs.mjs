// The programs under test as child processes. Whatever happens, none outlives the runner.

import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { sleep } from "./figures.mjs";

export const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "..");
const TARGET = process.env.CARGO_TARGET_DIR ?? join(ROOT, "target");
export const KVS = process.env.KVS_BIN ?? join(TARGET, "release", "kvs");

export const REGION = "us-west-2";
export const CREDENTIALS = { accessKeyId: "AKIDINTEROP", secretAccessKey: "interop-secret" };

const running = new Set();

/** A program, its output as lines, and its end. */
export class Program {
  constructor(name, command, args, { env = {} } = {}) {
    this.name = name;
    this.lines = [];
    this.waiting = new Set();
    this.child = spawn(command, args, {
      cwd: ROOT,
      env: {
        ...process.env,
        AWS_ACCESS_KEY_ID: CREDENTIALS.accessKeyId,
        AWS_SECRET_ACCESS_KEY: CREDENTIALS.secretAccessKey,
        AWS_SESSION_TOKEN: "",
        AWS_REGION: REGION,
        ...env,
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
    running.add(this);
    for (const stream of [this.child.stdout, this.child.stderr]) {
      let rest = "";
      stream.setEncoding("utf8");
      stream.on("data", (text) => {
        const lines = (rest + text).split("\n");
        rest = lines.pop();
        lines.forEach((line) => this.take(line));
      });
    }
    this.exit = new Promise((resolve) => {
      const over = (code, signal) => {
        running.delete(this);
        this.over = { code, signal, at: Date.now() };
        this.wake();
        resolve(this.over);
      };
      this.child.on("error", (error) => {
        this.lines.push(String(error));
        over(null, "not started");
      });
      this.child.on("exit", over);
    });
  }

  take(raw) {
    const line = raw.replace(/\x1b\[[0-9;]*m/g, "");
    this.lines.push(line);
    if (process.env.KVS_TRACE) process.stderr.write(`[${this.name}] ${line}\n`);
    if (this.lines.length > 5000) this.lines.splice(0, 2500);
    this.wake();
  }

  wake() {
    this.waiting.forEach((look) => look());
  }

  /** The match of the first line, past or future, that fits `pattern`. */
  line(pattern, limit = 15_000) {
    return new Promise((resolve, reject) => {
      const done = (settle, value) => {
        clearTimeout(timer);
        this.waiting.delete(look);
        settle(value);
      };
      const look = () => {
        for (const line of this.lines) {
          const match = line.match(pattern);
          if (match) return done(resolve, match);
        }
        if (this.over) {
          done(reject, new Error(`${this.name} ended (${this.over.code ?? this.over.signal}): ${this.tail()}`));
        }
      };
      const timer = setTimeout(
        () => done(reject, new Error(`${this.name} did not print ${pattern} in ${limit / 1000} s: ${this.tail()}`)),
        limit,
      );
      this.waiting.add(look);
      look();
    });
  }

  tail() {
    return this.lines.slice(-4).join(" | ");
  }

  /** Ends it as Ctrl-C does, and by force if that takes more than 3 s. */
  async stop(signal = "SIGINT") {
    if (!this.over) this.child.kill(signal);
    const ended = await Promise.race([this.exit, sleep(3000)]);
    if (!ended) this.child.kill("SIGKILL");
    return this.exit;
  }
}

export async function stopAll() {
  await Promise.all([...running].map((program) => program.stop()));
}

/** Last resort, when there is no time to ask. */
export function killAll() {
  for (const program of running) program.child.kill("SIGKILL");
}

/** `kvs ARGS`, in the network namespace `netns` if there is one. */
export function kvs(args, { name = args[0], netns, env } = {}) {
  if (!existsSync(KVS)) throw new Error(`${KVS} is missing: cargo build --release --package kvs`);
  return netns
    ? new Program(name, "ip", ["netns", "exec", netns, KVS, ...args], { env })
    : new Program(name, KVS, args, { env });
}

export const media = (file) => join(ROOT, "media", file);
