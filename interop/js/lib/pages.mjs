// Serves the SDK's page, and nothing else.

import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const HERE = join(dirname(fileURLToPath(import.meta.url)), "..");
const FILES = {
  "/sdk.html": ["pages/sdk.html", "text/html"],
  "/sdk.js": ["pages/sdk.js", "text/javascript"],
  "/kvs-webrtc.js": ["node_modules/amazon-kinesis-video-streams-webrtc/dist/kvs-webrtc.js", "text/javascript"],
};

/** A server on a free port of 127.0.0.1. */
export async function servePages() {
  const server = createServer(async (request, response) => {
    const [file, type] = FILES[new URL(request.url, "http://localhost").pathname] ?? [];
    if (!file) return response.writeHead(404).end();
    response.writeHead(200, { "content-type": type }).end(await readFile(join(HERE, file)));
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { sdk: `http://127.0.0.1:${server.address().port}/sdk.html`, close: () => server.close() };
}
