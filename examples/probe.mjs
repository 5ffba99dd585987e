// Runs inside a container: `node - VERB LIMIT [ARGUMENT] < probe.mjs`, so that what it measures does not depend on how the engine
// connects containers to the outside. LIMIT is how long the awaited event may take, in milliseconds. Prints one JSON object.
import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

const POLL_MS = 2;
/** To look at a thousand processes takes the time that they need to start. */
const MANY_POLL_MS = 100;
/** A page that a busy machine serves late is served. */
const ANSWER_LIMIT_MS = 10_000;
/** Long enough to start any number of orphans. */
const ORPHANS_LIMIT_MS = 240_000;

const verbs = {
  /** Waits for the first page. */
  async page(limitMs) {
    const start = performance.now();
    const text = await page(limitMs);
    return { text, tookMs: performance.now() - start };
  },

  /** Kills nginx, the master and its workers, and waits until a page is served again. */
  async "kill-nginx"(limitMs) {
    // The master first: while it lives it starts new workers.
    const running = processes().filter(({ name }) => name === "nginx");
    const killed = [...running.filter(({ pid }) => isMaster(pid)), ...running.filter(({ pid }) => !isMaster(pid))];
    const start = performance.now();
    for (const { pid } of killed) process.kill(pid, "SIGKILL");
    const text = await page(limitMs);
    return { killed: killed.length, backMs: text === null ? null : performance.now() - start };
  },

  /** Kills nginx's master only, whose workers then hold the port. */
  async "kill-nginx-master"(limitMs) {
    const master = processes().find(({ pid, name }) => name === "nginx" && isMaster(pid));
    const start = performance.now();
    process.kill(master.pid, "SIGKILL");
    const again = ({ pid, name }) => name === "nginx" && pid !== master.pid && isMaster(pid);
    if (!(await until(() => processes().some(again), limitMs))) return { backMs: null };
    return { backMs: (await page(limitMs)) === null ? null : performance.now() - start };
  },

  /** Lets the app leave orphans behind, then lets them end, and counts the zombies that stay. */
  async orphans(limitMs, count) {
    await call("POST", `/helpers?n=${count}`);
    // A child of the app's shell is an orphan once it runs sleep.
    let inherited = 0;
    const all = () => {
      inherited = processes().filter(isOrphan).length;
      return inherited >= count;
    };
    await until(all, ORPHANS_LIMIT_MS, MANY_POLL_MS);
    await call("DELETE", "/helpers");
    const gone = () => !processes().some(isOrphan);
    if (!(await until(gone, ORPHANS_LIMIT_MS, MANY_POLL_MS))) throw new Error("the orphans do not end");
    // What has just died is a zombie until its parent looks: only what stays one counts.
    const start = performance.now();
    await until(() => zombies() === 0, limitMs);
    return { inherited, zombies: zombies(), tookMs: performance.now() - start };
  },

  /** Lets the worker crash as by a bug of its own, and waits until another one runs. */
  async "crash-worker"(limitMs) {
    if (!(await until(() => processes().some(isWorker), ORPHANS_LIMIT_MS))) throw new Error("no worker runs");
    const { pid } = processes().find(isWorker);
    const start = performance.now();
    process.kill(pid, "SIGSEGV");
    const back = await until(() => processes().some((other) => isWorker(other) && other.pid !== pid), limitMs);
    return { backMs: back ? performance.now() - start : null };
  },
};

/** Waits until something holds. @returns false after the limit */
async function until(holds, limitMs, pollMs = POLL_MS) {
  const deadline = performance.now() + limitMs;
  while (!(await holds())) {
    if (performance.now() > deadline) return false;
    await delay(pollMs);
  }
  return true;
}

/** The page's text, or null after the limit. */
async function page(limitMs) {
  let text = null;
  const served = async () => {
    try {
      const response = await fetch("http://127.0.0.1/", { signal: AbortSignal.timeout(ANSWER_LIMIT_MS) });
      if (response.ok) text = (await response.text()).trim();
    } catch {
      // Refused: nobody listens yet.
    }
    return text !== null;
  };
  await until(served, limitMs);
  return text;
}

function processes() {
  return readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry))
    .flatMap((pid) => {
      try {
        const [, name, state, parent] = /^\d+ \((.*)\) (\S) (\d+)/s.exec(readFileSync(`/proc/${pid}/stat`, "utf8"));
        return [{ pid: Number(pid), name, state, parent: Number(parent) }];
      } catch {
        return []; // Ended since the directory was read.
      }
    });
}

async function call(method, path) {
  const response = await fetch(`http://127.0.0.1:3000${path}`, { method });
  const text = await response.text();
  if (!response.ok) throw new Error(`the app answered ${method} ${path} with ${response.status}: ${text}`);
}

function isOrphan({ pid, name, state, parent }) {
  return name === "sleep" && parent === 1 && state !== "Z" && commandLine(pid) === "sleep\x00600\x00";
}

/** The script itself, not a child of it that has yet to become another program. */
function isWorker({ name, state, parent }) {
  return (
    name === "worker.sh" && state !== "Z" && !processes().some((other) => other.pid === parent && other.name === name)
  );
}

function zombies() {
  return processes().filter(({ state }) => state === "Z").length;
}

function isMaster(pid) {
  return commandLine(pid).startsWith("nginx: master");
}

function commandLine(pid) {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "latin1");
  } catch {
    return "";
  }
}

const [verb, ...numbers] = process.argv.slice(2);
console.log(JSON.stringify(await verbs[verb](...numbers.map(Number))));
