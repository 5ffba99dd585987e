// Runs inside a container: `node - VERB [ARGUMENT] < probe.mjs`, so that what it measures does not depend on how the engine
// connects containers to the outside. Prints one JSON object.
import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

const POLL_MS = 2;
const FIRST_PAGE_LIMIT_MS = 20_000;
const RETURN_LIMIT_MS = 5000;
/** The second death within a minute: the restart waits a second. */
const SECOND_RETURN_LIMIT_MS = 15_000;
const ORPHANS_LIMIT_MS = 20_000;
const ZOMBIES_LIMIT_MS = 1000;

const verbs = {
  /** Waits for the first page. */
  async page() {
    return { text: await page(FIRST_PAGE_LIMIT_MS) };
  },

  /** Kills nginx, the master and its workers, and waits until a page is served again. */
  async "kill-nginx"() {
    // The master first: while it lives it starts new workers.
    const running = processes().filter(({ name }) => name === "nginx");
    const killed = [...running.filter(({ pid }) => isMaster(pid)), ...running.filter(({ pid }) => !isMaster(pid))];
    const start = performance.now();
    for (const { pid } of killed) process.kill(pid, "SIGKILL");
    const text = await page(RETURN_LIMIT_MS);
    return { killed: killed.length, backMs: text === null ? null : performance.now() - start };
  },

  /** Kills nginx's master only, whose workers then hold the port. */
  async "kill-nginx-master"() {
    const master = processes().find(({ pid, name }) => name === "nginx" && isMaster(pid));
    const start = performance.now();
    process.kill(master.pid, "SIGKILL");
    while (!processes().some(({ pid, name }) => name === "nginx" && pid !== master.pid && isMaster(pid))) {
      if (performance.now() - start > SECOND_RETURN_LIMIT_MS) return { backMs: null };
      await delay(POLL_MS);
    }
    return { backMs: (await page(SECOND_RETURN_LIMIT_MS)) === null ? null : performance.now() - start };
  },

  /** Lets the app leave orphans behind, then lets them end, and counts what is left of them. */
  async orphans(count) {
    await call("POST", `/helpers?n=${count}`);
    const deadline = Date.now() + ORPHANS_LIMIT_MS;
    let inherited = 0;
    // A child of the app's shell is one of them once it runs sleep.
    while (inherited < Number(count) && Date.now() < deadline) inherited = processes().filter(isOrphan).length;
    await call("DELETE", "/helpers");
    while (processes().some(isOrphan)) {
      if (Date.now() > deadline) throw new Error("the orphans do not end");
      await delay(50);
    }
    // What has just died is a zombie until its parent looks: only what stays one counts.
    const settled = Date.now() + ZOMBIES_LIMIT_MS;
    while (zombies() > 0 && Date.now() < settled) await delay(POLL_MS);
    return { inherited, zombies: zombies() };
  },
};

/** The page's text, or null after the limit. */
async function page(limitMs) {
  const deadline = Date.now() + limitMs;
  while (Date.now() < deadline) {
    try {
      const response = await fetch("http://127.0.0.1/", { signal: AbortSignal.timeout(1000) });
      const text = await response.text();
      if (response.ok) return text.trim();
    } catch {
      // Refused: nobody listens yet.
    }
    await delay(POLL_MS);
  }
  return null;
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
  return name === "sleep" && parent === 1 && state !== "Z" && commandLine(pid) === "sleep\x0060\x00";
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

const [verb, argument] = process.argv.slice(2);
console.log(JSON.stringify(await verbs[verb](argument)));
