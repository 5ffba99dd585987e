import type { Claim, Finding, Goal, Table } from "./claim.ts";

/** Where and when a run was made; nothing that names the machine. */
export interface Setting {
  readonly date: string;
  readonly kernel: string;
  readonly cpu: string;
  /** Load average of the last minute when the run began: above 0.3 per core the figures are of a busy machine. */
  readonly load: number;
  /** Label and version of everything that was measured. */
  readonly versions: readonly (readonly [string, string])[];
}

export interface Measured {
  readonly claim: Claim;
  readonly finding: Finding;
}

function row(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}

/** A table in Markdown; the first column left, the others right. */
export function table({ title, columns, rows, note }: Table): string {
  const rule = `|${columns.map((_, i) => (i === 0 ? "---" : "---:")).join("|")}|`;
  const lines = [`**${title}**`, "", row(columns), rule, ...rows.map(row)];
  return note === undefined ? lines.join("\n") : [...lines, "", note].join("\n");
}

function goalRow(goal: Goal): readonly string[] {
  return [goal.what, goal.atMost, goal.measured, goal.floor ?? "–", goal.met ? "met" : "**not met**"];
}

/** The goals of all claims; also what a person sees at the end of a run. */
export function goals(measured: readonly Measured[]): string {
  const all = measured.flatMap(({ finding }) => finding.goals);
  const met = all.filter((goal) => goal.met).length;
  const rows = all.map(goalRow);
  return table({
    title: `${met} of ${all.length} goals met`,
    columns: ["", "at most", "measured", "floor = 1", ""],
    rows,
  });
}

/** One claim's section. */
export function section({ claim, finding }: Measured): string {
  return [`## ${claim.title}`, claim.how, ...finding.tables.map(table)].join("\n\n");
}

const introduction = `# Benchmarks

Written by \`npm run bench\`; edits are overwritten. Every init runs as a true PID 1 in PID and mount namespaces of its own, with an
overlay over \`/etc\` as a container has it and a tmpfs on \`/run\`, started and watched from outside. Services are a 24 kB static C program
that stamps its start, blocks until TERM, stamps that and exits. All inits take turns within one run, in changing order. Times are
medians with the middle half in brackets; *noise* is the width of that half in percent of the median, the worst of the row. Absolute
times belong to this machine, so every goal of time is a ratio to what a peer took in the same run; memory and bytes are absolute.

How the peers are set up, each as its documentation has it fastest: **runit** \`tini -- runsvdir -P /etc/service\` on a directory that was not
changed in the last second (it would wait one). **s6** \`s6-svscan\` on a tmpfs, with \`-c\` for more than 500 services (it leaves the rest out and
says nothing). **supervisord** in the foreground with \`numprocs\`, log files, captured output and HTTP server off. **tini** and **dumb-init** run one
command. The *floor* is a loop in C that only starts, reaps and tells TERM (\`bench/fixture/floor.c\`): what the kernel alone costs.

\`npm run bench -- memory boot\` runs some claims and prints them; \`--quick\` is a smoke run in less than a minute; \`--peers\` leaves shipshape out.
All single measurements are in \`dist/bench.json\` afterwards.`;

/** The whole of `bench/README.md`. */
export function report(setting: Setting, measured: readonly Measured[]): string {
  const versions = setting.versions.map(([label, version]) => `${label} ${version}`).join(", ");
  return `${[
    introduction,
    `Measured ${setting.date}, Linux ${setting.kernel}, ${setting.cpu}, load ${setting.load.toFixed(2)} at the start: ${versions}.`,
    `## Goals`,
    goals(measured),
    ...measured.map(section),
  ].join("\n\n")}\n`;
}
