import assert from "node:assert/strict";
import { existsSync, statSync } from "node:fs";
import { type BootOptions, boot, type Container } from "../harness/container.ts";
import { waiting } from "../harness/fixtures.ts";
import type { FileSpec } from "../harness/rootfs.ts";
import { script } from "../harness/rootfs.ts";
import { test } from "../harness/test.ts";

const DIRECTORY = "/etc/container_environment";

/** A main command that leaves its environment, entries ended by NUL, in a file. A shell would drop some variables. */
const DUMPS = ["--", "cp", "/proc/self/environ", "/tmp/environ"];

/** Boots, lets the main command note its environment and ends. */
async function environmentOf(options: BootOptions): Promise<{ box: Container; variables: Map<string, string> }> {
  const box = await boot({ args: DUMPS, ...options });
  const { code } = await box.ended();
  assert.equal(code, 0, box.output.text);
  return { box, variables: parse(box.readBytes("/tmp/environ")) };
}

/** Latin-1, so that every byte survives. */
function parse(environ: Buffer): Map<string, string> {
  const entries = environ
    .toString("latin1")
    .split("\0")
    .filter((entry) => entry !== "");
  return new Map(entries.map((entry) => [entry.slice(0, entry.indexOf("=")), entry.slice(entry.indexOf("=") + 1)]));
}

function own(box: Container): string[] {
  return box.output.lines.filter((line) => line.startsWith("*** "));
}

test("A60 without the directory nothing is imported, exported or dumped", async () => {
  const { box, variables } = await environmentOf({
    env: { FROM_ENGINE: "1" },
    files: { [DIRECTORY]: null },
    startup: { "10_a": "true" },
  });
  await using _ = box;
  assert.equal(variables.get("FROM_ENGINE"), "1");
  assert.equal(variables.get("HOME"), "/root");
  for (const path of [DIRECTORY, `${DIRECTORY}.sh`, `${DIRECTORY}.json`]) assert.ok(!box.has(path), `${path} is there`);
});

test("A61 the first import fills only what is not set", async () => {
  const { box, variables } = await environmentOf({
    env: { BOTH: "engine", EMPTY: "" },
    environment: { BOTH: "directory", EMPTY: "directory", ONLY: "directory" },
  });
  await using _ = box;
  assert.equal(variables.get("BOTH"), "engine");
  assert.equal(variables.get("EMPTY"), "");
  assert.equal(variables.get("ONLY"), "directory");
  assert.equal(box.read(`${DIRECTORY}/BOTH`), "engine");
});

test("A68 a dump that nothing changes stays as it is, and one that a startup file has written to is made again", async () => {
  const inode = `stat -c %i ${DIRECTORY}.sh`;
  const box = await boot({
    startup: {
      "10_a": `${inode}`,
      "20_b": `${inode}; echo scribble >>${DIRECTORY}.sh`,
      "30_c": `grep -c scribble ${DIRECTORY}.sh; rm ${DIRECTORY}.sh`,
      "40_d": `test -s ${DIRECTORY}.sh && echo there`,
    },
    main: "true",
  });
  await using _ = box;
  await box.ended();
  const [first, second, count, there] = box.output.lines.filter((line) => !line.startsWith("***"));
  assert.match(first ?? "", /^\d+$/);
  assert.deepEqual([second, count, there], [first, "0", "there"]);
});

test("A61 after each startup file and rc.local the environment is the directory's, and the dumps are new", async () => {
  const look = (n: number) => `echo "${n}: $STEP"; grep STEP ${DIRECTORY}.sh`;
  const { box, variables } = await environmentOf({
    env: { STEP: "engine" },
    startup: {
      "10_a": `${look(1)}; echo one >${DIRECTORY}/STEP`,
      "20_b": `${look(2)}; echo two >${DIRECTORY}/STEP; export STEP=lost`,
    },
    files: { "/etc/rc.local": script(`${look(3)}; echo three >${DIRECTORY}/STEP`) },
  });
  await using _ = box;
  const lines = ["1: engine", "export STEP='engine'", "2: one", "export STEP='one'", "3: two", "export STEP='two'"];
  assert.equal(box.output.stdout, `${lines.join("\n")}\n`);
  assert.equal(variables.get("STEP"), "three");
  assert.match(box.read(`${DIRECTORY}.sh`), /^export STEP='three'$/m);
  assert.equal(JSON.parse(box.read(`${DIRECTORY}.json`)).STEP, "three");
});

test("A61 services and hooks get the environment that the startup files left", async () => {
  await using box = await boot({
    startup: { "10_a": `echo changed >${DIRECTORY}/FLAG` },
    env: { FLAG: "engine" },
    services: { s: { run: `echo "service $FLAG" >&2; ${waiting()}`, log: 'echo "log $FLAG" >&2; exec cat' } },
    preShutdown: { p: 'echo "hook $FLAG" >&2' },
  });
  await box.sees("service changed");
  await box.sees("log changed");
  await box.sees("ready");
  await box.stop();
  assert.equal(box.output.count("hook changed"), 1);
});

test("A62 the export writes one file per variable but those of a user, which only the JSON has", async () => {
  const personal = { HOME: "/root", USER: "u", GROUP: "g", UID: "1", GID: "2", SHELL: "/bin/x" };
  const { box, variables } = await environmentOf({ env: { ...personal, PLAIN: "value", WITH_NEWLINE: "x\n" } });
  await using _ = box;
  assert.equal(box.read(`${DIRECTORY}/PLAIN`), "value");
  assert.equal(box.read(`${DIRECTORY}/HOSTNAME`), "box");
  const shell = box.read(`${DIRECTORY}.sh`);
  const json = JSON.parse(box.read(`${DIRECTORY}.json`));
  for (const [name, value] of Object.entries(personal)) {
    assert.ok(!box.has(`${DIRECTORY}/${name}`), `there is a file ${name}`);
    assert.doesNotMatch(shell, new RegExp(`^export ${name}=`, "m"));
    assert.equal(json[name], value);
    assert.equal(variables.get(name), value);
  }
  assert.match(shell, /^export PLAIN='value'$/m);
});

test("A62 a user's variable in the directory is honoured", async () => {
  const { box, variables } = await environmentOf({
    env: { USER: null },
    environment: { USER: "from-directory", HOME: "/from/directory" },
    startup: { "10_a": "true" },
  });
  await using _ = box;
  assert.equal(variables.get("USER"), "from-directory");
  assert.equal(variables.get("HOME"), "/from/directory");
});

for (const count of [1, 3]) {
  test(`A63 HOME, USER and SHELL survive ${count} startup file(s)`, async () => {
    const personal = { HOME: "/root", USER: "root", SHELL: "/bin/bash", GROUP: "root", UID: "0", GID: "0" };
    const { box, variables } = await environmentOf({
      env: personal,
      startup: Object.fromEntries(Array.from({ length: count }, (_, i) => [`${i}`, "true"])),
    });
    await using _ = box;
    for (const [name, value] of Object.entries(personal)) assert.equal(variables.get(name), value, name);
  });
}

test("A63 a startup file that writes HOME into the directory changes it", async () => {
  const { box, variables } = await environmentOf({ startup: { "10_a": `echo /srv >${DIRECTORY}/HOME` } });
  await using _ = box;
  assert.equal(variables.get("HOME"), "/srv");
});

test("A63 a service with a user gets that user's HOME, USER, LOGNAME and SHELL, groups included", async () => {
  await using box = await boot({
    startup: { "10_a": "true" },
    services: {
      s: { user: "app\n", run: `echo "as $(id -u):$(id -G) $HOME $USER $LOGNAME $SHELL $HOSTNAME" >&2; ${waiting()}` },
      t: { user: "1000:33", run: `echo "as $(id -u):$(id -G) $HOME" >&2; ${waiting()}` },
    },
  });
  await box.sees("as 1000:1000 4 100 /home/app app app /bin/bash box\n");
  await box.sees("as 1000:33 /home/app\n");
});

test("A63 a service whose user does not exist is never started as root", async () => {
  await using box = await boot({
    services: { s: { user: "nosuch\n", run: "echo ran-as-$(id -u) >&2; sleep 1000" }, t: { run: waiting() } },
  });
  await box.sees(/^\*\*\* .*\/etc\/service\/s\/user.*nosuch/m);
  await box.sees("ready");
  assert.equal(box.output.count("ran-as"), 0);
});

test("A64 a file that a startup file deletes unsets its variable", async () => {
  const { box, variables } = await environmentOf({
    env: { GONE: "1", KEPT: "1" },
    startup: { "10_a": `rm ${DIRECTORY}/GONE` },
  });
  await using _ = box;
  assert.equal(variables.has("GONE"), false);
  assert.equal(variables.get("KEPT"), "1");
  assert.doesNotMatch(box.read(`${DIRECTORY}.sh`), /GONE/);
});

test("A64 editing the dumps has no effect", async () => {
  const { box, variables } = await environmentOf({
    env: { KEPT: "1" },
    startup: { "10_a": `echo "export ADDED='1'" >>${DIRECTORY}.sh; echo '{"ADDED":"1"}' >${DIRECTORY}.json` },
  });
  await using _ = box;
  assert.equal(variables.has("ADDED"), false);
  assert.doesNotMatch(box.read(`${DIRECTORY}.sh`), /ADDED/);
  assert.equal(JSON.parse(box.read(`${DIRECTORY}.json`)).KEPT, "1");
});

test("A65 exactly one newline at the end of a file goes, and nothing else", async () => {
  const cases: Record<string, [content: string, value: string]> = {
    NONE: ["a", "a"],
    ONE: ["a\n", "a"],
    TWO: ["a\n\n", "a\n"],
    INNER: ["a\nb\n", "a\nb"],
    EMPTY: ["", ""],
    NEWLINE: ["\n", ""],
    CRLF: ["a\r\n", "a\r"],
    CR: ["a\r", "a\r"],
    CRLF_INNER: ["a\r\nb\r\n", "a\r\nb\r"],
    BLANKS: ["  a \t\n", "  a \t"],
  };
  const environment = Object.fromEntries(Object.entries(cases).map(([name, [content]]) => [name, content]));
  // A second reading of the directory, after a startup file, must find the same values.
  for (const startup of [{}, { "10_a": "true" }]) {
    const { box, variables } = await environmentOf({ environment, startup });
    await using _ = box;
    for (const [name, [, value]] of Object.entries(cases)) assert.equal(variables.get(name), value, name);
  }
});

test("A65 a value that the engine gave survives the round trip through the directory", async () => {
  const values = {
    PLAIN: "a",
    NEWLINE: "a\n",
    NEWLINES: "a\n\n",
    EMPTY: "",
    CRLF: "a\r\n",
    BLANK: " ",
    EQUALS: "a=b=c",
  };
  const { box, variables } = await environmentOf({ env: values, startup: { "10_a": "true" } });
  await using _ = box;
  for (const [name, value] of Object.entries(values)) assert.equal(variables.get(name), value, name);
});

test("A66 a mounted ConfigMap or Secret works", async () => {
  const { box, variables } = await environmentOf({
    files: {
      [`${DIRECTORY}/..2026_01_01_00_00_00.123`]: { directory: true },
      [`${DIRECTORY}/..2026_01_01_00_00_00.123/TOKEN`]: "secret\n",
      [`${DIRECTORY}/..data`]: { link: "..2026_01_01_00_00_00.123" },
      [`${DIRECTORY}/TOKEN`]: { link: "..data/TOKEN" },
    },
    startup: { "10_a": "true" },
  });
  await using _ = box;
  assert.equal(variables.get("TOKEN"), "secret");
  assert.equal([...variables.keys()].filter((name) => name.startsWith(".")).length, 0);
  assert.deepEqual(
    own(box).filter((line) => line.includes("..")),
    own(box).filter((line) => line.endsWith("...")),
  );
});

test("A66 bytes that are no UTF-8 pass through unchanged", async () => {
  const bytes = Buffer.from(Array.from({ length: 255 }, (_, i) => i + 1));
  const { box, variables } = await environmentOf({
    environment: { BYTES: bytes },
    startup: { "10_a": "true", "20_b": "true" },
  });
  await using _ = box;
  assert.equal(variables.get("BYTES"), bytes.toString("latin1"));
  const sourced = await sourceIn("sh", box.readBytes(`${DIRECTORY}.sh`), "BYTES");
  assert.equal(sourced, bytes.toString("latin1"));
});

/** What a shell has in a variable after it sourced this dump, as Latin-1. */
async function sourceIn(shell: string, dump: Buffer, name: string): Promise<string> {
  await using box = await boot({ command: ["sleep", "1000"], files: { "/tmp/dump": dump } });
  const { code, stderr } = await box.exec([
    shell,
    "-c",
    `set -eu; . /tmp/dump; env -0 | grep -z "^${name}=" >/tmp/out`,
  ]);
  assert.equal(code, 0, stderr);
  assert.equal(stderr, "");
  return parse(box.readBytes("/tmp/out")).get(name) ?? "";
}

const UNUSABLE: Record<string, FileSpec> = {
  "sub-directory": { directory: true },
  "WITH=EQUALS": "x",
  WITH_NUL: "a\0b",
  DANGLING: { link: "/nowhere" },
  LOOP: { link: "LOOP" },
  // One variable of 128 KiB or more would make every later execve fail.
  HUGE: "x".repeat(200_000),
};

test("A66 an entry that cannot be a variable is skipped with one warning, however often the directory is read", async () => {
  const files = Object.entries(UNUSABLE).map(([name, file]) => [`${DIRECTORY}/${name}`, file] as const);
  const { box, variables } = await environmentOf({
    files: { ...Object.fromEntries(files), [`${DIRECTORY}/GOOD`]: "good" },
    startup: { "10_a": "true", "20_b": "true" },
  });
  await using _ = box;
  assert.equal(variables.get("GOOD"), "good");
  for (const name of Object.keys(UNUSABLE)) {
    const warnings = own(box).filter((line) => line.includes(`${DIRECTORY}/${name} `));
    assert.equal(warnings.length, 1, `${name}: ${JSON.stringify(warnings)}`);
    assert.equal(variables.has(name), false, name);
  }
});

test("A66 a FIFO or socket in the directory does not hang the boot", async () => {
  const { box, variables } = await environmentOf({
    before: `mkfifo ${DIRECTORY}/FIFO; ln -s /dev/zero ${DIRECTORY}/DEVICE`,
    environment: { GOOD: "good" },
  });
  await using _ = box;
  assert.equal(variables.get("GOOD"), "good");
  for (const name of ["FIFO", "DEVICE"])
    assert.ok(
      own(box).some((line) => line.includes(`${DIRECTORY}/${name} `)),
      name,
    );
});

test("A66 a FIFO in the directory with the name of a given variable does not hang the boot", async () => {
  await using box = await boot({
    environment: { OTHER: "x" },
    before: `mkfifo ${DIRECTORY}/GIVEN`,
    env: { GIVEN: "kept" },
    args: ["--", "sh", "-c", "echo value=$GIVEN"],
  });
  assert.equal((await box.ended()).code, 0);
  assert.equal(box.output.stdout, "value=kept\n");
  assert.match(box.output.stderr, /GIVEN is no variable: it is not a regular file/);
});

test("A66 more variables than Linux can give to a program are left out by name, the largest first", async () => {
  const large = Object.fromEntries(Array.from({ length: 20 }, (_, at) => [`BIG${at}`, "x".repeat(130_000)]));
  await using box = await boot({
    environment: { ...large, SMALL: "kept" },
    // What the limit is made of; the box may have inherited another one.
    before: "ulimit -s 8192",
    args: ["--", "sh", "-c", "echo small=$SMALL"],
  });
  assert.equal((await box.ended()).code, 0);
  assert.equal(box.output.stdout, "small=kept\n");
  assert.match(box.output.stderr, /^\*\*\* BIG\d+ \(130000 bytes\), BIG.* left out: /m);
});

test("A66 a read-only root does not stop the boot", async () => {
  await using box = await boot({
    main: 'echo "main $FROM_DIRECTORY $FROM_ENGINE"',
    readOnlyRoot: true,
    env: { FROM_ENGINE: "1" },
    environment: { FROM_DIRECTORY: "2" },
    startup: { "10_a": 'echo "startup $FROM_DIRECTORY $FROM_ENGINE"' },
    services: { s: { run: waiting() } },
  });
  assert.equal((await box.ended()).code, 0);
  assert.equal(box.output.stdout, "startup 2 1\nmain 2 1\n");
  const warnings = own(box).filter((line) => line.includes(DIRECTORY));
  assert.equal(warnings.length, 1, warnings.join("\n"));
});

test("A66 another user than root does not stop the boot", async () => {
  await using box = await boot({
    main: 'echo "main $(id -u) $FROM_DIRECTORY $FROM_ENGINE"; sv status s',
    user: 1000,
    env: { FROM_ENGINE: "1", HOME: "/home/app" },
    files: {
      [DIRECTORY]: { directory: true, mode: 0o755 },
      [`${DIRECTORY}/FROM_DIRECTORY`]: "2",
      [`${DIRECTORY}/CLOSED`]: { content: "3", mode: 0o600 },
    },
    startup: { "10_a": "true" },
    services: { s: { run: waiting() } },
  });
  assert.equal((await box.ended()).code, 0);
  assert.match(box.output.stdout, /^main 1000 2 1\nrun: s: \(pid \d+\) \d+s\n$/);
  assert.equal(own(box).filter((line) => line.includes("CLOSED")).length, 1);
});

test("A66 another user than root boots with a directory that it may not read", async () => {
  await using box = await boot({
    main: 'echo "main $FROM_ENGINE"',
    user: 1000,
    env: { FROM_ENGINE: "1" },
    startup: { "10_a": "true" },
  });
  assert.equal((await box.ended()).code, 0);
  assert.equal(box.output.stdout, "main 1\n");
  assert.equal(own(box).filter((line) => line.includes(DIRECTORY)).length, 1);
});

/** Values that have broken sourcing somewhere. */
const NASTY: Record<string, string> = {
  QUOTE: "it's",
  QUOTES: `'"'"'`,
  DOLLAR: "$HOME ${PATH} $(echo no) `echo no`",
  BACKSLASH: "a\\b\\n\\",
  LINES: "one\ntwo\n",
  FAKE: "x'\nexport HACKED='1",
  SEMICOLON: "a; exit 3",
  BLANK: "  a  b ",
  GLOB: "*",
  TILDE: "~root",
  EMPTY: "",
  COMMENT: "# no",
  BANG: "a!b",
  TAB: "a\tb",
  UTF8: "käse ☃ 🐳",
};

const NASTY_FILES = Object.fromEntries(Object.entries(NASTY).map(([name, value]) => [name, `${value}\n`]));

for (const shell of ["sh", "bash", "dash"]) {
  test(`A67 ${shell} sources the dump without error and gets every value exactly`, async () => {
    await using box = await boot({
      main: "exec sleep 1000",
      environment: NASTY_FILES,
      env: { "1FOO": "x", "a-b": "x", "a.b": "x" },
    });
    await box.sees("Running /opt/main...");
    const wanted = Object.keys(NASTY).map((name) => `printf '%s\\0' "$${name}"`);
    const { code, stdout, stderr } = await box.exec(`env -i ${shell} -c '
      set -eu; . ${DIRECTORY}.sh; [ -z "\${HACKED-}" ] || exit 9
      ${wanted.join("; ").replaceAll("'", `'\\''`)}'`);
    assert.equal(stderr, "");
    assert.equal(code, 0);
    assert.deepEqual(stdout.split("\0").slice(0, -1), Object.values(NASTY));
  });
}

test("A67 names that a shell cannot hold are left out with a comment, and programs still get them", async () => {
  const names = ["1FOO", "a-b", "a.b", "ä", "RANDOM", "LINENO"];
  const { box, variables } = await environmentOf({ env: Object.fromEntries(names.map((name) => [name, "x"])) });
  await using _ = box;
  const lines = box.read(`${DIRECTORY}.sh`).trimEnd().split("\n");
  for (const name of names) {
    assert.ok(!lines.some((line) => line.startsWith(`export ${name}=`)), name);
    assert.ok(
      lines.some((line) => line.startsWith("#") && line.includes(name)),
      name,
    );
  }
  for (const name of ["1FOO", "a-b", "a.b", "RANDOM"]) assert.equal(variables.get(name), "x");
});

test("A68 the JSON dump is one object with every variable", async () => {
  const { box, variables } = await environmentOf({ environment: NASTY_FILES, startup: { "10_a": "true" } });
  await using _ = box;
  const json = JSON.parse(box.read(`${DIRECTORY}.json`));
  for (const [name, value] of Object.entries(NASTY)) assert.equal(json[name], value, name);
  assert.deepEqual(Object.keys(json).sort(), [...variables.keys()].sort());
});

test("A68 the dumps are replaced by a rename, so that a reader never sees half of one", async () => {
  const reader = `exec 5<${DIRECTORY}.sh 6<${DIRECTORY}.json; echo new >${DIRECTORY}/STEP`;
  await using box = await boot({
    main: waiting(),
    env: { STEP: "old" },
    startup: {
      "10_a": `ls -i ${DIRECTORY}.sh ${DIRECTORY}.json; ${reader}; cat <&5 >/tmp/held.sh; cat <&6 >/tmp/held.json`,
    },
  });
  await box.sees("ready");
  // The other pipe, which may be read later.
  await box.sees(/^\d+ \S+\.json$/m);
  for (const [, before, path = ""] of box.output.stdout.matchAll(/^(\d+) (\S+)$/gm)) {
    assert.notEqual(statSync(box.path(path)).ino, Number(before), `${path} was written in place`);
  }
  assert.equal(box.output.stdout.split("\n").length, 3);
  assert.match(box.read("/tmp/held.sh"), /^export STEP='old'$/m);
  const left = (await box.exec("ls -A /etc")).stdout
    .split("\n")
    .filter((name) => name.startsWith("container_environment"));
  assert.deepEqual(left, ["container_environment", "container_environment.json", "container_environment.sh"]);
});

test("A70 both dumps are 0640 root:docker_env, readable for that group and nobody else", async () => {
  await using box = await boot({ main: waiting(), before: "umask 077" });
  await box.sees("ready");
  for (const suffix of ["sh", "json"]) {
    const { mode, uid, gid } = statSync(box.path(`${DIRECTORY}.${suffix}`));
    assert.deepEqual([mode & 0o7777, uid, gid], [0o640, 0, 8377]);
    assert.equal(
      (await box.exec(["setpriv", "--reuid=1000", "--regid=1000", "--groups=8377", "cat", `${DIRECTORY}.${suffix}`]))
        .code,
      0,
    );
    assert.equal((await box.exec(["cat", `${DIRECTORY}.${suffix}`], { user: 1000 })).code, 1);
  }
  assert.equal(statSync(box.path(DIRECTORY)).mode & 0o7777, 0o700);
  assert.ok(existsSync(box.path(`${DIRECTORY}/PATH`)));
});
