import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { splitCommand } from "./command.ts";
import { parseCrontab } from "./crontab.ts";
import { parseAssignment, variablesOf } from "./environment.ts";

const zones = (name: string) => name === "" || name === "Europe/Berlin";
const parse = (text: string, withUser = false) => parseCrontab(text, withUser, zones);

test("parseCrontab() reads a user's table with names, blanks, comments and Windows line ends", () => {
  const text = "# comment\n\n \t# another\nA=1\n\t*/5  1-3\t* * mon  echo  a  b \r\nB = 2\n@reboot x\n@Daily\ty # z\n";
  const { entries, flaws } = parse(text);
  assert.deepEqual(flaws, []);
  assert.deepEqual(
    entries.map(({ line, when, user, command, environment }) => ({
      ...{ line, when, user, command },
      environment: Object.fromEntries(variablesOf(environment)),
    })),
    [
      { line: 5, when: "*/5 1-3 * * mon", user: "", command: "echo  a  b", environment: { A: "1" } },
      {
        line: 7,
        when: "@reboot",
        user: "",
        command: "x",
        environment: { A: "1", B: "2" },
      },
      {
        line: 8,
        when: "@Daily",
        user: "",
        command: "y # z",
        environment: { A: "1", B: "2" },
      },
    ],
  );
  assert.deepEqual(
    entries.map(({ schedule }) => schedule === null),
    [false, true, false],
  );
});

test("variablesOf() gives the value that stands nearest above, and other jobs' tables are not touched", () => {
  const { entries } = parse("A=1\n@daily x\nB=2\nA=3\n@daily y\n");
  assert.deepEqual(
    entries.map(({ environment }) => Object.fromEntries(variablesOf(environment))),
    [{ A: "1" }, { A: "3", B: "2" }],
  );
  assert.equal(variablesOf(null).size, 0);
});

test("parseCrontab() takes a table of alternating assignments and jobs in no more memory than it has lines", () => {
  const { entries } = parse(Array.from({ length: 5000 }, (_, i) => `A${i}=1\n@daily x\n`).join(""));
  for (const [index, { environment }] of entries.entries())
    assert.equal(environment?.above ?? null, entries[index - 1]?.environment ?? null);
});

test("parseCrontab() names 20 flaws at most, tells where the last is, and reads every line that can be used", () => {
  const { entries, flaws } = parse(`${"x\n@daily y\n".repeat(60)}#\n`);
  assert.deepEqual([entries.length, flaws.length], [60, 21]);
  assert.deepEqual(flaws.at(-1), {
    ...{ line: 119, column: 1 },
    reason: "further lines up to this one cannot be used either",
  });
  assert.ok((parse("x".repeat(100_000)).flaws[0]?.reason.length ?? 0) < 250);
});

test("parseCrontab() reads the user of a system table, and a last line without its end", () => {
  const { entries, flaws } = parse(
    "17 *\t* * *\troot    cd / && run-parts --report /etc/cron.hourly\n@reboot app x",
    true,
  );
  assert.deepEqual(flaws, []);
  assert.deepEqual(
    entries.map(({ user, command }) => [user, command]),
    [
      ["root", "cd / && run-parts --report /etc/cron.hourly"],
      ["app", "x"],
    ],
  );
});

const FLAWS: readonly (readonly [text: string, withUser: boolean, line: number, column: number, reason: RegExp])[] = [
  ["\n* 25 * * * x", false, 2, 3, /the hour/],
  ["  * * * 99 * x", false, 1, 9, /the month/],
  ["* * * *", false, 1, 8, /the day of the week is missing/],
  ["* * * * *", false, 1, 10, /the command is missing/],
  ["* * * * *  ", true, 1, 10, /the user is missing/],
  ["* * * * * ls", true, 1, 13, /the command is missing: in this file the user \("ls"\?\) stands before it/],
  ["@noon x", false, 1, 1, /there is no time "@noon"/],
  ["@reboot", false, 1, 8, /the command is missing/],
  ["0 0 30 2 * x", false, 1, 5, /would never run/],
  ["hello", false, 1, 1, /the minute is 0 to 59, not "hello"/],
  ["* * * * * a\0b", false, 1, 12, /NUL/],
  ["CRON_TIMEOUT=soon", false, 1, 14, /CRON_TIMEOUT is a time like 90s, 10m or 2h, not "soon"/],
  ["CRON_OVERLAP=maybe", false, 1, 14, /yes or no/],
  ["CRON_NAME='a b'", false, 1, 11, /blanks/],
  ["CRON_TZ=Mars/Phobos", false, 1, 9, /there is no time zone "Mars\/Phobos"/],
];

test("parseCrontab() tells line and column of what it cannot use, and uses the rest", () => {
  for (const [text, withUser, line, column, reason] of FLAWS) {
    const good = withUser ? "1 2 3 4 5 root good" : "1 2 3 4 5 good";
    const unzoned = text.startsWith("CRON_TZ") ? "\nCRON_TZ=" : "";
    const { entries, flaws } = parse(`${text}${unzoned}\n${good}\n`, withUser);
    assert.deepEqual(
      entries.map(({ command }) => command),
      ["good"],
      text,
    );
    assert.equal(flaws.length, 1, text);
    assert.deepEqual([flaws[0]?.line, flaws[0]?.column], [line, column], text);
    assert.match(flaws[0]?.reason ?? "", reason);
  }
});

test("parseCrontab() runs no job in a time zone that does not exist", () => {
  const { entries, flaws } = parse("CRON_TZ=Nowhere\n1 1 * * * a\n2 1 * * * b\nCRON_TZ=Europe/Berlin\n3 1 * * * c\n");
  assert.deepEqual(
    entries.map(({ command, settings }) => [command, settings.zone]),
    [["c", "Europe/Berlin"]],
  );
  assert.deepEqual(
    flaws.map(({ line }) => line),
    [1, 2, 3],
  );
});

test("parseCrontab() applies settings to the jobs below them, a name to one", () => {
  const lines = [
    "CRON_NAME=first",
    "CRON_TIMEOUT=90s",
    "CRON_JITTER=2m",
    "CRON_HEALTH=yes",
    "CRON_OVERLAP=on",
    "@daily a",
  ];
  const { entries } = parse([...lines, 'CRON_TIMEOUT=""', "CRON_OVERLAP=no", "@daily b"].join("\n"));
  const zone = "";
  assert.deepEqual(
    entries.map(({ settings }) => settings),
    [
      { name: "first", timeoutMs: 90_000, jitterMs: 120_000, health: true, overlap: true, zone },
      { name: "", timeoutMs: 0, jitterMs: 120_000, health: true, overlap: false, zone },
    ],
  );
});

test("parseCrontab() answers for any text", () => {
  const lines = fc.array(
    fc.constantFrom("* ", "@reboot ", "A=", "'", '"', "%", "\\", "\n", "\t", "#", "\0", "x", "5 ", "CRON_TZ", "="),
  );
  fc.assert(
    fc.property(lines, fc.boolean(), (parts, withUser) => {
      const text = parts.join("");
      const { entries, flaws } = parse(text, withUser);
      for (const { line } of [...entries, ...flaws]) assert.ok(line >= 1 && line <= text.split("\n").length);
      for (const { command } of entries) assert.notEqual(command, "");
    }),
  );
});

const ASSIGNMENTS: readonly (readonly [line: string, name: string, value: string])[] = [
  ["A=b", "A", "b"],
  ["A =  b c  ", "A", "b c"],
  ["\tA\t=\tb", "A", "b"],
  ['A="  b  "', "A", "  b  "],
  ["A='  \"b\"  '", "A", '  "b"  '],
  ["'A B' = c", "A B", "c"],
  ['"A"=b', "A", "b"],
  ["A=", "A", ""],
  ['A=""', "A", ""],
  ["A=$HOME/x", "A", "$HOME/x"],
  ["A=b=c", "A", "b=c"],
  ["A='b' c", "A", "'b' c"],
  ["A='b", "A", "'b"],
  ["A=b # c", "A", "b # c"],
  ["MAILTO=root\r", "MAILTO", "root"],
];

test("parseAssignment() reads names and values as Vixie's cron does", () => {
  for (const [line, name, value] of ASSIGNMENTS) {
    const parsed = parseAssignment(line);
    assert.deepEqual([parsed?.name, parsed?.value], [name, value], line);
  }
});

test("parseAssignment() leaves jobs alone", () => {
  for (const line of ["* * * * * A=b", "@daily A=b c", "1 2 3 4 5 x=1", "=b", "''=b", "A b = c", "A"])
    assert.equal(parseAssignment(line), null, line);
});

const COMMANDS: readonly (readonly [written: string, text: string, input: string | null])[] = [
  ["echo", "echo", null],
  ["cat%a%b", "cat", "a\nb\n"],
  ["cat%a%", "cat", "a\n"],
  ["cat%", "cat", ""],
  ["date +\\%Y\\%m", "date +%Y%m", null],
  ["cat%100\\%%x", "cat", "100%\nx\n"],
  ["printf '\\n'", "printf '\\n'", null],
  ["a\\\\%b", "a\\\\", "b\n"],
  ["a\\", "a\\", null],
];

test("splitCommand() takes what follows the first % for standard input", () => {
  for (const [written, text, input] of COMMANDS) assert.deepEqual(splitCommand(written), { text, input }, written);
});
