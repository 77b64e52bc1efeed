// Numbers and what is said of them.

/** The `p`-th percentile (nearest rank) of `values`. */
export function percentile(values, p) {
  if (values.length === 0) return NaN;
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil((p / 100) * sorted.length) - 1))];
}

export const median = (values) => percentile(values, 50);

// Two cores that also compile, and a browser that draws without a GPU, can triple any wall-clock
// figure without a fault of ours. So a run fails at three times a time budget and prints what it
// measured beside it; on a quiet machine KVS_STRICT=1 holds it to the budget itself. Counts, colours, pitches and
// bytes have no such slack.
export const slack = process.env.KVS_STRICT === "1" ? 1 : 3;

export const ms = (value) => `${Math.round(value)} ms`;

/** Fails above `slack` times `budget`; returns the text of the figure. */
export function withinBudget(name, value, budget) {
  const text = `${name} ${ms(value)} of ${ms(budget)}`;
  if (!(value <= budget * slack)) throw new Error(`${text}${slack > 1 ? `, even times ${slack}` : ""}`);
  return value <= budget ? text : `${text}, over on this machine`;
}

/** Whether `ours` lies within `share` (or `floor`, if that is more) of `theirs`. */
export function agree(name, ours, theirs, share, floor = 0) {
  const text = `${name} ${round(ours)}/${round(theirs)}`;
  const off = Math.abs(ours - theirs);
  if (!(off <= Math.max(share * Math.max(Math.abs(ours), Math.abs(theirs)), floor))) {
    throw new Error(`${text} (ours/Chromium's) differ by more than ${share * 100} %`);
  }
  return text;
}

const round = (value) => (Number.isInteger(value) ? value : Number(value).toPrecision(4));

export function check(condition, why) {
  if (!condition) throw new Error(typeof why === "function" ? why() : why);
}

export const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Calls `ask` until it answers something true; that is returned. */
export async function until(what, ask, limit = 10_000, pause = 50) {
  const end = Date.now() + limit;
  let last;
  for (;;) {
    try {
      const answer = await ask();
      if (answer) return answer;
      last = undefined;
    } catch (error) {
      last = error;
    }
    if (Date.now() > end) throw new Error(`no ${what} within ${limit / 1000} s${last ? `: ${last.message}` : ""}`);
    await sleep(pause);
  }
}
