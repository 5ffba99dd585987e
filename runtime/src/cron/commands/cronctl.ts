import { type JobStatus, parseJob } from "../../../../lib/cron/protocol.ts";
import { formatTime } from "../../../../lib/linux/civil.ts";
import { writeAll } from "../../base/files.ts";
import { reasonOf, spawn } from "../../base/programs.ts";
import { Unreachable } from "../../base/wire.ts";
import { Zones } from "../../base/zones.ts";
import { type Bytes, SpawnFlag, type Sys } from "../../sys.ts";
import { after, CronClient } from "./client.ts";

const USAGE = "usage: cron -f | cron | cron list | cron run NAME\n";
const EXIT_USAGE = 2;
/** The job was not run. @see env(1) */
const EXIT_TROUBLE = 125;
const TIME = "%Y-%m-%d %H:%M";

/** Asks the cron that runs: `list` and `run NAME`; starts one in the background. Returns the exit code. @see docs/reference/cron.md */
export function cronctl(sys: Sys): number {
  const [verb, name, ...more] = sys.args.slice(1);
  if (verb === "") return startInBackground(sys);
  const help = verb === "-h" || verb === "--help";
  const known = (verb === "list" && name === undefined) || (verb === "run" && name !== undefined && more.length === 0);
  if (!known) {
    writeAll(sys, help ? 1 : 2, USAGE);
    return help ? 0 : EXIT_USAGE;
  }
  try {
    const client = CronClient.connect(sys);
    if (typeof client === "string") throw new Unreachable(client);
    return verb === "list" ? list(sys, client) : run(sys, client, name ?? "");
  } catch (error) {
    if (!(error instanceof Unreachable)) throw error;
    writeAll(sys, 2, `cron: cannot talk to cron: ${error.message}\n`);
    return EXIT_TROUBLE;
  }
}

/** As Debian's cron does, which startup files call without arguments. */
function startInBackground(sys: Sys): number {
  const argv = ["cron", "-f"];
  const pid = spawn(sys, { path: "/proc/self/exe", argv, env: sys.environ, cwd: "/", flags: SpawnFlag.Session });
  if (pid > 0) return 0;
  writeAll(sys, 2, `cron: cannot start in the background: ${reasonOf(sys, -pid)}\n`);
  return EXIT_TROUBLE;
}

function list(sys: Sys, client: CronClient): number {
  const count = Number(after(client.ask({ verb: "list" }), "ok"));
  const jobs: JobStatus[] = [];
  while (jobs.length < count) {
    const job = parseJob(client.line());
    if (job === null) throw new Unreachable("it answered nonsense");
    jobs.push(job);
  }
  const zone = new Zones(sys).zone("");
  const time = (seconds: number | null) => (seconds === null ? "-" : formatTime(TIME, seconds, zone(seconds)));
  const rows = jobs.map((job) => [
    job.name,
    job.when,
    job.user,
    time(job.next),
    time(job.started),
    resultOf(job),
    job.origin,
  ]);
  writeAll(sys, 1, tableOf([["NAME", "SCHEDULE", "USER", "NEXT", "LAST", "RESULT", "ORIGIN"], ...rows]));
  return 0;
}

function resultOf({ pid, result, seconds, failures }: JobStatus): Bytes {
  if (pid > 0) return `runs (pid ${pid})`;
  if (result === "") return "-";
  return `${result}, ${seconds} s${failures > 1 ? `, ${failures} times in a row` : ""}`;
}

function tableOf(rows: readonly (readonly Bytes[])[]): Bytes {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? "").length)));
  const line = (row: readonly Bytes[]) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ");
  return rows.map((row) => `${line(row).trimEnd()}\n`).join("");
}

function run(sys: Sys, client: CronClient, target: Bytes): number {
  for (let line = client.ask({ verb: "run", target }); ; line = client.line(true)) {
    const text = after(line, "out");
    if (text !== null) writeAll(sys, 1, `${text}\n`);
    const end = after(line, "end");
    if (end !== null) {
      const [status = ""] = end.split(" ");
      if (status !== "0") writeAll(sys, 2, `cron: ${target} failed: ${after(end, status) ?? ""}\n`);
      return Number(status);
    }
    const reason = after(line, "error");
    if (reason === null) continue;
    writeAll(sys, 2, `cron: cannot run ${target}: ${reason}\n`);
    return EXIT_TROUBLE;
  }
}
