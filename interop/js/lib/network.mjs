// Network namespaces for what needs a network of its own. They need root, and are removed at the end.

import { execFileSync } from "node:child_process";
import { networkInterfaces } from "node:os";

const made = new Set();

const sh = (command) => execFileSync("sh", ["-ec", command], { stdio: ["ignore", "pipe", "pipe"] }).toString();

export const isRoot = process.getuid?.() === 0;

/** Why there can be no namespaces here, or null. */
export function obstacle(tools = ["ip"]) {
  if (!isRoot) return "needs root for network namespaces";
  for (const tool of tools) {
    try {
      sh(`command -v ${tool}`);
    } catch {
      return `needs ${tool}`;
    }
  }
  try {
    const name = fresh();
    sh(`ip netns add ${name}`);
    made.add(name);
    remove(name);
  } catch (error) {
    return `no network namespaces here: ${String(error.stderr ?? error).trim()}`;
  }
  return null;
}

let count = 0;
function fresh() {
  count += 1;
  return `kvs-${process.pid}-${count}`;
}

function remove(name) {
  made.delete(name);
  sh(`ip netns del ${name}`);
}

export function removeNetworks() {
  for (const name of [...made]) {
    try {
      remove(name);
    } catch {
      // A process in it is still ending; the kernel frees the namespace with it.
    }
  }
}

/** Two namespaces, joined by a wire: the camera's and the browser's. */
export function pair() {
  const [camera, browser] = [fresh(), fresh()];
  made.add(camera);
  made.add(browser);
  sh(`
    ip netns add ${camera}
    ip netns add ${browser}
    ip -n ${camera} link add wire type veth peer name wire netns ${browser}
    for ns in ${camera} ${browser}; do
      ip netns exec $ns sysctl -qw net.ipv6.conf.all.disable_ipv6=1
      ip -n $ns link set lo up
      ip -n $ns link set wire up
    done
    ip -n ${camera} addr add 10.77.0.1/24 dev wire
    ip -n ${browser} addr add 10.77.0.2/24 dev wire
    ip -n ${camera} route add default via 10.77.0.2
    ip -n ${browser} route add default via 10.77.0.1
  `);
  return {
    camera,
    browser,
    address: "10.77.0.1",
    /** Drops `percent` of what arrives at each end. */
    lose({ atCamera = 0, atBrowser = 0 }) {
      for (const [ns, percent] of [[camera, atCamera], [browser, atBrowser]]) {
        sh(`ip netns exec ${ns} nft -f - <<'END'
          table ip wire {}
          delete table ip wire
          table ip wire {
            chain arriving {
              type filter hook input priority 0;
              ${percent > 0 ? `iifname "wire" numgen random mod 100 < ${percent} counter drop` : ""}
            }
          }
END`);
      }
    },
    dropped() {
      const count = (ns) => Number(sh(`ip netns exec ${ns} nft list table ip wire`).match(/packets (\d+)/)?.[1] ?? 0);
      return { atCamera: count(camera), atBrowser: count(browser) };
    },
  };
}

/** A namespace whose addresses are `addresses`, with default routes: browsers ask for those first. */
function alone(addresses, routes) {
  const name = fresh();
  made.add(name);
  sh(`
    ip netns add ${name}
    ip -n ${name} link set lo up
    ip -n ${name} link add wire0 type veth peer name wire1
    ip -n ${name} link set wire0 up
    ip -n ${name} link set wire1 up
    ${addresses.map((address) => `ip -n ${name} addr add ${address} dev wire0`).join("\n")}
    ${routes.map((route) => `ip -n ${name} ${route} dev wire0`).join("\n")}
  `);
  return name;
}

/** One without any IPv4 address but loopback's. */
export function ipv6Only() {
  const name = alone(["fd77::1/64 nodad"], ["-6 route add default via fd77::2"]);
  return { name, address: "fd77::1" };
}

/** One with an address of either kind, for machines that have none but loopback. */
export function shelter() {
  return alone(
    ["10.78.0.1/24", "fd78::1/64 nodad"],
    ["route add default via 10.78.0.2", "-6 route add default via fd78::2"],
  );
}

/** Whether a browser finds an address here that it would offer: any but loopback. */
export function hasNetwork() {
  return Object.values(networkInterfaces()).flat().some((address) => !address.internal);
}
