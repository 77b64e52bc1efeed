// What media/README.md says of the sample files.

export const FPS = 30;
export const TURN_FRAMES = 360;
export const TURN_MS = 12_000;

export const COLOURS = [
  [200, 30, 30],
  [30, 160, 30],
  [30, 60, 200],
  [200, 180, 20],
  [180, 30, 180],
  [20, 170, 180],
];

export const TONES = [400, 550, 700, 900, 1150, 1450];

/** The row of the table whose colour is nearest, and how far it is in the worst channel. */
export function nearestColour(rgb) {
  let best = { row: -1, off: Infinity };
  COLOURS.forEach((colour, row) => {
    const off = Math.max(...colour.map((channel, i) => Math.abs(channel - rgb[i])));
    if (off < best.off) best = { row, off };
  });
  return best;
}

/** Frames shown minus frames sent, in time: `reading` is one of the probe's. */
export function lag(reading, clock) {
  const sent = clock.startedUnixMs + (reading.frame * 1000) / FPS;
  const turn = clock.turnMs ?? TURN_MS;
  return (((reading.at - sent) % turn) + turn) % turn;
}
