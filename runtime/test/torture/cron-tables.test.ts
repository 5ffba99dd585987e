import assert from "node:assert/strict";
import { mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cronBox } from "../cron/box.ts";
import { type Container, SANITIZED } from "../harness/container.ts";
import { eventually } from "../harness/deadline.ts";
import { fuzz } from "../harness/fuzz.ts";
import { TORTURE } from "../harness/health.ts";
import type { Random } from "../harness/random.ts";
import { test } from "../harness/test.ts";

const TABLES = "/etc/cron.d";
const SPOOL = "/var/spool/cron/crontabs";
const SPOOLED = { mode: 0o600, owner: 1000 } as const;

/** The words of the C library, which for sanitizers is glibc and not musl. */
const [LOOP, BROKEN] = SANITIZED
  ? ["Too many levels of symbolic links", "Input/output error"]
  : ["Symbolic link loop", "I/O error"];

/** Makes cron read everything again, and waits until it has. */
async function reload(box: Container, count: number): Promise<void> {
  box.write(`${TABLES}/sentinel`, `CRON_NAME=read-${count}\n@yearly root true\n`);
  await eventually("cron has read the tables", async () =>
    (await box.exec("cron list")).stdout.includes(`\nread-${count} `),
  );
}

/** cron has neither crashed nor met an error of its own, and runs jobs. */
async function assertUnharmed(box: Container, pid: number | undefined): Promise<void> {
  assert.equal(box.find("/sbin/cron")?.pid, pid);
  assert.doesNotMatch(box.output.text, /a fault in cron|started itself again|out of memory/);
  const { code, stdout } = await box.exec("cron run good");
  assert.deepEqual([code, stdout], [0, "good\n"]);
}

test("A98 whatever has the place of a table is told once with its reason, and good tables run", async () => {
  await using box = await cronBox({
    [`${TABLES}/good`]: "@yearly root echo good\n",
    [`${TABLES}/directory`]: { directory: true },
    [`${TABLES}/nowhere`]: { link: "/srv/none" },
    [`${TABLES}/loop`]: { link: "loop" },
    [`${TABLES}/device`]: { link: "/dev/zero" },
    [`${TABLES}/memory`]: { link: "/proc/self/mem" },
    [`${TABLES}/huge`]: `@yearly root echo ${"x".repeat(140_000)}\n`,
    [`${TABLES}/nul`]: "@yearly root echo a\0b\n@yearly root echo nul\n",
    [`${TABLES}/noise`]: "\xff\xfe\n".repeat(10_000),
    [`${TABLES}/dos`]: "@yearly root echo dos\r\n",
    [`${TABLES}/long`]: `@yearly root echo ${"x".repeat(100_000)}`,
    [`${TABLES}/many`]: "@yearly root echo many\n".repeat(1000),
    [`${TABLES}/more`]: "# nothing\n".repeat(10_000),
    [`${TABLES}/new\nline`]: "@yearly root x\n",
    [`${SPOOL}/app`]: { link: "/etc/shadow" },
    [`${SPOOL}/daemon`]: { directory: true },
    "/etc/cron.daily": "not a directory\n",
    "/etc/cron.weekly/loop": { link: "loop" },
    "/etc/cron.weekly/directory": { directory: true },
  });
  await box.sees(/cron: \d+ jobs in/);
  const pid = box.find("/sbin/cron")?.pid;
  const fifo = await box.exec(
    `mkfifo ${TABLES}/fifo; mknod ${TABLES}/node c 1 5; perl -MIO::Socket::UNIX -e 'IO::Socket::UNIX->new(Local=>"${TABLES}/socket",Listen=>1) or die'`,
  );
  assert.equal(fifo.code, 0, fifo.stderr);
  for (let count = 0; count < 3; count++) await reload(box, count);
  const places = [
    ...["directory", "device", "fifo", "node"].map((name) => [`${TABLES}/${name}`, "it is not a regular file"]),
    [`${TABLES}/memory`, BROKEN],
    [`${TABLES}/socket`, "No such device or address"],
    [`${TABLES}/nowhere`, "the link leads nowhere"],
    [`${TABLES}/loop`, LOOP],
    [`${TABLES}/huge`, "it is longer than 131072 bytes"],
    [`${TABLES}/nul:1:20`, "there is a NUL byte in the line"],
    [`${TABLES}/noise:10000:1`, "further lines up to this one cannot be used either"],
    [`${TABLES}/new\\x0aline`, "its name may only have letters"],
    [`${SPOOL}/app`, "it is not a regular file"],
    [`${SPOOL}/daemon`, "it is not a regular file"],
    ["/etc/cron.daily", "Not a directory"],
    ["/etc/cron.weekly/loop", LOOP],
    ["/etc/cron.weekly/directory", "it is not a regular file"],
  ] as const;
  for (const [place, reason] of places)
    assert.equal(
      box.output.count(`cron: cannot use ${place}: ${reason}`),
      1,
      `${place}: ${reason}\n${box.output.text}`,
    );
  const refused = box.output.stderr.split("\n").filter((line) => line.startsWith("cron: cannot use "));
  assert.equal(new Set(refused).size, refused.length);
  // 20 of the noise stand before its last.
  assert.equal(refused.length, places.length + 20);
  for (const [name, said] of [
    ["nul", "nul\n"],
    ["dos", "dos\n"],
    ["many:1000", "many\n"],
    ["long", `${"x".repeat(100_000)}\n`],
  ]) {
    const { stdout } = await box.exec(`cron run ${name}`);
    assert.equal(stdout.replaceAll("\\\n", ""), said, name);
  }
  await assertUnharmed(box, pid);
});

test("A98 a table comes back by itself: a link whose target appears, a user who is removed and added again", async () => {
  await using box = await cronBox({
    [`${TABLES}/good`]: "@yearly root echo good\n",
    [`${TABLES}/linked`]: { link: "../../srv/tables/linked" },
    "/srv/tables": { directory: true },
    [`${SPOOL}/app`]: { ...SPOOLED, content: "@yearly echo app\n" },
  });
  await box.sees("cron: 2 jobs in 2 files, 1 refused");
  box.write("/srv/tables/linked", "@yearly root echo linked\n");
  await box.sees("cron: 3 jobs in 3 files\n");
  assert.equal((await box.exec("cp /etc/passwd /tmp; grep -v ^app: /tmp/passwd >/etc/passwd")).code, 0);
  await box.sees(`cron: cannot use ${SPOOL}/app: there is no user "app" in /etc/passwd`);
  await box.sees("cron: 2 jobs in 2 files, 1 refused", 2);
  await box.exec("cp /tmp/passwd /etc/passwd");
  await box.sees("cron: 3 jobs in 3 files\n", 2);
  assert.equal((await box.exec("cron run app")).stdout, "app\n");
});

const PIECES = [
  ..."* */5 0 59 60 1-5 5-1 mon jan @reboot @daily @noon root app nobody-there echo %".split(" "),
  ...'CRON_TZ=Europe/Berlin CRON_TZ=Mars CRON_NAME=x CRON_NAME= CRON_TIMEOUT=1s CRON_JITTER=-1 A="b MAILTO=x'.split(
    " ",
  ),
  ...["\n", "\n", "\t", "\r\n", "\0", "\\%", "'", "#", "\x1b[2J", "é"],
];

/** A sound table, one that is cut off, words of the grammar in any order, or noise. */
function content(random: Random): Buffer {
  const sound = Buffer.from(`A=1\n${random.of(["@yearly", "0 0 29 2 *", "*/7 1-3 * * mon"])} root true\n`.repeat(20));
  switch (random.below(4)) {
    case 0:
      return sound.subarray(0, random.below(sound.length));
    case 1:
      return random.bytes(3000);
    case 2:
      return Buffer.from("x".repeat(random.below(150_000)) + random.of(["", "\n"]));
    default:
      return Buffer.from(Array.from({ length: random.below(300) }, () => random.of(PIECES)).join(random.of([" ", ""])));
  }
}

/** Puts something at a path of the host, where anything may be already. */
function disturb(random: Random, path: string): void {
  rmSync(path, { recursive: true, force: true });
  const mode = random.of([0o644, 0o600, 0o666, 0o000, 0o755, 0o4755]);
  switch (random.below(8)) {
    case 0:
      return;
    case 1:
      mkdirSync(path);
      return;
    case 2:
      symlinkSync(random.of(["/dev/zero", "/dev/full", "good", "/", ".", "loop", "/proc/self/fd/0", "/srv/x"]), path);
      return;
    default:
      writeFileSync(path, content(random), { mode });
  }
}

fuzz("A98 tables change to anything while cron reads them: it goes on, and runs what is good", async (random) => {
  await using box = await cronBox({
    [`${TABLES}/good`]:
      "CRON_NAME=good\n@yearly root echo good\nCRON_NAME=beat\n@reboot root while :; do echo beat; sleep 0.1; done\n",
    [SPOOL]: { directory: true },
    "/etc/cron.hourly": { directory: true },
    "/srv": { directory: true },
  });
  await box.sees("cron[beat]: beat");
  const pid = box.find("/sbin/cron")?.pid;
  const places = [
    ...["a", "b", "c.d", "loop", "z~"].map((name) => `${TABLES}/${name}`),
    ...["root", "app", "ghost", ".app.new"].map((name) => `${SPOOL}/${name}`),
    ...["h", "i.sh"].map((name) => `/etc/cron.hourly/${name}`),
    ...["/etc/crontab", "/etc/cron.daily", "/srv/x", "/etc/cron.allow", "/etc/localtime"],
  ];
  for (let round = 0; round < 40 * TORTURE; round++) {
    for (let change = random.below(30); change >= 0; change--) disturb(random, box.path(random.of(places)));
    if (random.oneIn(5)) await box.exec(`kill -HUP ${pid}`);
    if (random.oneIn(3)) await reload(box, round);
  }
  await reload(box, 40 * TORTURE);
  await assertUnharmed(box, pid);
  const beats = box.output.count("cron[beat]: beat");
  await box.sees("cron[beat]: beat", beats + 2);
  assert.deepEqual(readdirSync(join(box.path("/run"), "cron")).sort(), ["boot", "container", "socket", "status"]);
  const { code } = await box.stop();
  assert.equal(code, 0);
});
