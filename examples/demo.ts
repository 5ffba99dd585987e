import { lastLines } from "../host/command.ts";
import { type Container, startContainer } from "../host/engines/container.ts";
import type { HostEngine } from "../host/engines/host-engine.ts";
import { buildBaseImage, imageName } from "../image/build.ts";
import { withEngine } from "../tools/containers/open-engine.ts";
import { isMain } from "../tools/setup/main.ts";
import { buildExample } from "./build.ts";
import { type Finding, lastWords, measureRow, type Row, runRows, type Side, servicesUp, stopRows } from "./rows.ts";

const TITLE_WIDTH = 35;
const CELL_WIDTH = 38;
const LONGEST_LINE = 150;
/** How much of the log is shown when something did not come out as it should. */
const LAST_LINES = 20;

/**
 * The same app under `my_init` and in the naive way, side by side.
 * @returns what did not come out as it should; nothing when all is well
 */
async function demo(engine: HostEngine): Promise<string[]> {
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
    const unexpected = await compare(oldStyle, naive);
    return unexpected.length === 0 ? [] : [...unexpected, await saidLast(oldStyle.container)];
  } catch (error) {
    throw new Error(`${(error as Error).message}\n${await saidLast(oldStyle.container)}`);
  } finally {
    await Promise.all([oldStyle, naive].map(({ container }) => container.remove()));
  }
}

async function saidLast(container: Container): Promise<string> {
  const said = await container.logs().catch(() => "(its log is gone)");
  return `The container with my_init said last:\n${lastLines(said, LAST_LINES)}`;
}

async function compare(oldStyle: Side, naive: Side): Promise<string[]> {
  console.log(
    `\nThe same app twice, on ${imageName("small")}: old-style/Dockerfile, where PID 1 is my_init, and naive/Dockerfile, where it is a script.\n`,
  );
  console.log(`${cell("", TITLE_WIDTH)}${cell("my_init", CELL_WIDTH)}/start.sh`);
  const unexpected = await measureRows(runRows, oldStyle, naive);
  const status = (await servicesUp(oldStyle.container)).trimEnd().split("\n");
  console.log(`${cell("sv status", TITLE_WIDTH)}${status.join(`\n${cell("", TITLE_WIDTH)}`)}`);
  unexpected.push(...(await measureRows(stopRows, oldStyle, naive)));
  console.log("\nWhat the container with my_init said from `docker stop` on:");
  for (const line of await lastWords(oldStyle)) if (line !== "") console.log(`  ${line.slice(0, LONGEST_LINE)}`);
  return unexpected;
}

async function measureRows(rows: readonly Row[], oldStyle: Side, naive: Side): Promise<string[]> {
  const unexpected: string[] = [];
  for (const row of rows) {
    process.stdout.write(cell(row.title, TITLE_WIDTH));
    const show = (finding: Finding): void => void process.stdout.write(mark(finding, CELL_WIDTH));
    const { ours, theirs } = await measureRow(row, oldStyle, naive, show);
    process.stdout.write("\n");
    if (!ours.good) unexpected.push(`my_init, ${row.title}: ${ours.text}`);
    if (theirs.good !== row.naive) unexpected.push(`/start.sh, ${row.title}: ${theirs.text}`);
  }
  return unexpected;
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
