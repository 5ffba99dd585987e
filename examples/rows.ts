import type { Container, Stop } from "../host/engines/container.ts";
import { eventually } from "../runtime/test/harness/deadline.ts";
import { seconds } from "../tools/setup/places.ts";
import { probe } from "./probe.ts";

/** One of the demo's two containers, and what has been seen of it. */
export interface Side {
  readonly container: Container;
  /** Log lines before the stop. */
  before: readonly string[];
  stop?: Stop;
}

export interface Finding {
  readonly text: string;
  readonly good: boolean;
  /** How long the awaited event took, in milliseconds; 0 when nothing was waited for. */
  readonly tookMs: number;
}

/** One line of the demo. */
export interface Row {
  readonly title: string;
  /** @param limitMs how long the awaited event may take */
  measure(side: Side, limitMs: number): Promise<Finding>;
  /** Whether the naive image is expected to do well here too. */
  readonly naive: boolean;
}

/** What is expected to happen may take this long, on a machine however busy. */
const EVENT_LIMIT_MS = 180_000;
/** What is expected never to happen gets so many times what it took under my_init, in the same seconds on the same machine. */
const TIMES_OURS = 5;
const ORPHANS = 1000;
/** Exit code of a container that SIGKILL ended. */
const KILLED = 137;
/** What each process writes once it has been told to stop. */
const TOLD: Readonly<Record<string, RegExp>> = {
  nginx: /\[notice\] .*signal 15 \(SIGTERM\) received/,
  app: /app: got SIGTERM/,
  worker: /worker: got SIGTERM/,
  "worker's log": /worker log: end of the worker/,
};

export const runRows: readonly Row[] = [
  {
    title: "a page, through nginx and Node.js",
    naive: true,
    async measure({ container }, limitMs) {
      const { text, tookMs } = await probe(container, "page", limitMs);
      if (text === null) return { text: `not served within ${seconds(limitMs)}`, good: false, tookMs };
      return { text: `"${text}"`, good: text.startsWith("Hello, "), tookMs };
    },
  },
  {
    title: "nginx killed with -9",
    naive: false,
    async measure({ container }, limitMs) {
      const { killed, backMs } = await probe(container, "kill-nginx", limitMs);
      if (backMs === null) return { text: "down for good", good: false, tookMs: limitMs };
      return { text: `served again after ${milliseconds(backMs)}`, good: killed > 0, tookMs: backMs };
    },
  },
  {
    title: `${ORPHANS.toLocaleString("en")} orphans left by the app`,
    naive: false,
    async measure({ container }, limitMs) {
      const { inherited, zombies, tookMs } = await probe(container, "orphans", limitMs, ORPHANS);
      if (inherited < ORPHANS) throw new Error(`PID 1 inherited ${inherited} orphans only, of ${ORPHANS}`);
      return { text: `${zombies} zombies`, good: zombies === 0, tookMs };
    },
  },
  {
    title: "the worker crashes",
    naive: false,
    async measure({ container }, limitMs) {
      const { backMs } = await probe(container, "crash-worker", limitMs);
      if (backMs === null) return { text: "gone for good", good: false, tookMs: limitMs };
      return { text: `started again after ${milliseconds(backMs)}`, good: true, tookMs: backMs };
    },
  },
];

export const stopRows: readonly Row[] = [
  {
    title: "docker stop",
    naive: false,
    async measure(side) {
      side.before = (await side.container.logs()).split("\n");
      side.stop = await side.container.stop();
      const { tookMs, exitCode } = side.stop;
      const killed = exitCode === KILLED ? " (SIGKILL)" : "";
      return { text: `${seconds(tookMs)}, exit code ${exitCode}${killed}`, good: exitCode === 0, tookMs };
    },
  },
  {
    title: "told to stop, before SIGKILL",
    naive: false,
    async measure(side) {
      const said = await lastWords(side);
      const told = Object.keys(TOLD).filter((name) => said.some((line) => TOLD[name]?.test(line)));
      const everybody = told.length === Object.keys(TOLD).length;
      return { text: told.length === 0 ? "nobody" : told.join(", "), good: everybody, tookMs: 0 };
    },
  },
];

/** Measures a row of both sides, ours first: it says how long the other one has. @param show is called with each as it comes */
export async function measureRow(
  { measure, naive: naiveIsGood }: Row,
  oldStyle: Side,
  naive: Side,
  show: (finding: Finding) => void = () => {},
): Promise<{ ours: Finding; theirs: Finding }> {
  const ours = await measure(oldStyle, EVENT_LIMIT_MS);
  show(ours);
  const theirs = await measure(naive, naiveIsGood ? EVENT_LIMIT_MS : TIMES_OURS * ours.tookMs);
  show(theirs);
  return { ours, theirs };
}

/** What the container wrote since it was told to stop. */
export async function lastWords({ container, before }: Side): Promise<string[]> {
  return (await container.logs()).split("\n").slice(before.length - 1);
}

/** Waits until every service is up and the worker works, which is told to stop otherwise before it can say so. @returns `sv status` */
export async function servicesUp(container: Container): Promise<string> {
  const status = await eventually(
    "every service is up",
    async () => {
      const { stdout } = await container.exec(["sv", "status", "app", "nginx", "worker"]);
      return stdout.match(/^run: /gm)?.length === 3 && stdout;
    },
    EVENT_LIMIT_MS,
  );
  const pid = /^run: worker: \(pid (\d+)\)/m.exec(status)?.[1];
  const works = async (): Promise<boolean> => (await container.logs()).includes(`worker: started, pid ${pid}\n`);
  await eventually("the worker works", works, EVENT_LIMIT_MS);
  return status;
}

/** With a digit behind the point below 10; seconds from 10 on. */
function milliseconds(duration: number): string {
  return duration < 10_000 ? `${duration.toFixed(duration < 10 ? 1 : 0)} ms` : seconds(duration);
}
