import { buildBaseImage, imageName } from "../image/build.ts";
import { eventually } from "../runtime/test/harness/deadline.ts";
import { type Container, type Stop, startContainer } from "../tools/container.ts";
import { type Engine, withEngine } from "../tools/engine.ts";
import { lastLines } from "../tools/setup/command.ts";
import { isMain } from "../tools/setup/main.ts";
import { seconds } from "../tools/setup/places.ts";
import { buildExample } from "./build.ts";
import { probe } from "./probe.ts";

/** One of the two containers, and what has been seen of it. */
interface Side {
  readonly container: Container;
  /** Log lines before the stop. */
  before: readonly string[];
  stop?: Stop;
}

interface Finding {
  readonly text: string;
  readonly good: boolean;
}

interface Row {
  readonly title: string;
  measure(side: Side): Promise<Finding>;
  /** Whether the naive image is expected to do well here too. */
  readonly naive: boolean;
}

const ORPHANS = 1000;
const TITLE_WIDTH = 35;
const CELL_WIDTH = 38;
const LONGEST_LINE = 150;
const STOP_LIMIT_MS = 1000;
const WORKER_LIMIT_MS = 40_000;
/** What each process writes once it has been told to stop. */
const TOLD: Readonly<Record<string, RegExp>> = {
  nginx: /\[notice\] .*signal 15 \(SIGTERM\) received/,
  app: /app: got SIGTERM/,
  worker: /worker: got SIGTERM/,
  "worker's log": /worker log: end of the worker/,
};

const runRows: readonly Row[] = [
  {
    title: "a page, through nginx and Node.js",
    naive: true,
    async measure({ container }) {
      const { text } = await probe(container, "page");
      return text === null
        ? { text: "never served", good: false }
        : { text: `"${text}"`, good: text.startsWith("Hello, ") };
    },
  },
  {
    title: "nginx killed with -9",
    naive: false,
    async measure({ container }) {
      const { killed, backMs } = await probe(container, "kill-nginx");
      if (backMs === null) return { text: "down for good", good: false };
      return { text: `served again after ${milliseconds(backMs)}`, good: killed > 0 };
    },
  },
  {
    title: `${ORPHANS.toLocaleString("en")} orphans left by the app`,
    naive: false,
    async measure({ container }) {
      const { inherited, zombies } = await probe(container, "orphans", String(ORPHANS));
      if (inherited < ORPHANS) throw new Error(`PID 1 inherited ${inherited} orphans only, of ${ORPHANS}`);
      return { text: `${zombies} zombies`, good: zombies === 0 };
    },
  },
  {
    title: "the worker crashes now and then",
    naive: false,
    async measure({ container }) {
      const count = async (text: string): Promise<number> => (await container.logs()).split(text).length - 1;
      await eventually("the worker crashes", async () => (await count("crashes")) > 0, WORKER_LIMIT_MS);
      const again = async (): Promise<boolean> => (await count("worker: started")) > (await count("crashes"));
      const started = await eventually("the worker is started again", again, 3000).catch(() => false);
      if (!started) return { text: "gone since then", good: false };
      return { text: `started again, ${await count("worker: started")} times so far`, good: true };
    },
  },
];

const stopRows: readonly Row[] = [
  {
    title: "docker stop",
    naive: false,
    async measure(side) {
      side.before = (await side.container.logs()).split("\n");
      side.stop = await side.container.stop();
      const { tookMs, exitCode } = side.stop;
      const killed = exitCode === 137 ? " (SIGKILL)" : "";
      return {
        text: `${seconds(tookMs)}, exit code ${exitCode}${killed}`,
        good: tookMs < STOP_LIMIT_MS && exitCode === 0,
      };
    },
  },
  {
    title: "told to stop, before SIGKILL",
    naive: false,
    async measure(side) {
      const said = await lastWords(side);
      const told = Object.keys(TOLD).filter((name) => said.some((line) => TOLD[name]?.test(line)));
      const everybody = told.length === Object.keys(TOLD).length;
      return { text: told.length === 0 ? "nobody" : told.join(", "), good: everybody };
    },
  },
];

/** What the container wrote since it was told to stop. */
async function lastWords({ container, before }: Side): Promise<string[]> {
  return (await container.logs()).split("\n").slice(before.length - 1);
}

/**
 * The same app under `my_init` and in the naive way, side by side.
 * @returns what did not come out as it should; nothing when all is well
 */
async function demo(engine: Engine): Promise<string[]> {
  // Built in a quarter of the time of the full one, and enough.
  await buildBaseImage(engine, { variant: "small" });
  const oldStyleImage = await buildExample(engine, "old-style");
  const naiveImage = await buildExample(engine, "naive");

  const start = async (image: string): Promise<Side> => ({
    container: await startContainer(engine, [image]),
    before: [],
  });
  const oldStyle = await start(oldStyleImage);
  const naive = await start(naiveImage).catch(async (error) => {
    await oldStyle.container.remove();
    throw error;
  });
  try {
    return await compare(oldStyle, naive);
  } catch (error) {
    const said = lastLines(await oldStyle.container.logs().catch(() => "(its log is gone)"), 20);
    throw new Error(`${(error as Error).message}\nThe container with my_init said last:\n${said}`);
  } finally {
    await Promise.all([oldStyle, naive].map(({ container }) => container.remove()));
  }
}

async function compare(oldStyle: Side, naive: Side): Promise<string[]> {
  console.log(
    `\nThe same app twice, on ${imageName("small")}: old-style/Dockerfile, where PID 1 is my_init, and naive/Dockerfile, where it is a script.\n`,
  );
  console.log(`${cell("", TITLE_WIDTH)}${cell("my_init", CELL_WIDTH)}/start.sh`);
  const unexpected = await measureRows(runRows, oldStyle, naive);
  await showServices(oldStyle.container);
  unexpected.push(...(await measureRows(stopRows, oldStyle, naive)));
  console.log("\nWhat the container with my_init said from `docker stop` on:");
  for (const line of await lastWords(oldStyle)) if (line !== "") console.log(`  ${line.slice(0, LONGEST_LINE)}`);
  return unexpected;
}

async function measureRows(rows: readonly Row[], oldStyle: Side, naive: Side): Promise<string[]> {
  const unexpected: string[] = [];
  for (const { title, measure, naive: naiveIsGood } of rows) {
    process.stdout.write(cell(title, TITLE_WIDTH));
    const ours = await measure(oldStyle);
    process.stdout.write(mark(ours, CELL_WIDTH));
    if (!ours.good) unexpected.push(`my_init, ${title}: ${ours.text}`);
    const theirs = await measure(naive);
    process.stdout.write(`${mark(theirs, 0)}\n`);
    if (theirs.good !== naiveIsGood) unexpected.push(`/start.sh, ${title}: ${theirs.text}`);
  }
  return unexpected;
}

/** Prints `sv status`, at a moment when the worker has most of its life before it: none of its crashes falls into the stop. */
async function showServices(container: Container): Promise<void> {
  const text = await eventually(
    "every service is up",
    async () => {
      const { stdout } = await container.exec(["sv", "status", "app", "nginx", "worker"]);
      const lines = stdout.match(/^run: /gm)?.length === 3;
      return lines && /^run: worker: \(pid \d+\) [0-2]s/m.test(stdout) && stdout;
    },
    WORKER_LIMIT_MS,
  );
  const indent = cell("", TITLE_WIDTH);
  console.log(`${cell("sv status", TITLE_WIDTH)}${text.trimEnd().split("\n").join(`\n${indent}`)}`);
}

const colours = process.stdout.isTTY && process.env.NO_COLOR === undefined;

function mark({ text, good }: Finding, width: number): string {
  const sign = good ? "✓" : "✗";
  const coloured = colours ? `\x1b[${good ? 32 : 31}m${sign}\x1b[0m` : sign;
  return `${coloured} ${cell(text, width - 2)}`;
}

function cell(text: string, width: number): string {
  return text.padEnd(width);
}

/** With a digit behind the point below 10. */
function milliseconds(duration: number): string {
  return `${duration.toFixed(duration < 10 ? 1 : 0)} ms`;
}

async function main(): Promise<void> {
  const unexpected = await withEngine(demo);
  if (unexpected.length === 0) {
    console.log("\nAll as it should be.");
    return;
  }
  console.error(`\nNot as it should be:\n${unexpected.map((line) => `  ${line}`).join("\n")}`);
  process.exitCode = 1;
}

if (isMain(import.meta.url)) {
  main().catch((error: Error) => {
    console.error(`\n${error.message}`);
    process.exitCode = 1;
  });
}
