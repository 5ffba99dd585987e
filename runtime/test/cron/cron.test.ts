import assert from "node:assert/strict";
import { chmodSync, linkSync, renameSync, writeFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { eventually, soon } from "../harness/deadline.ts";
import { waiting } from "../harness/fixtures.ts";
import { script } from "../harness/rootfs.ts";
import { test } from "../harness/test.ts";
import { cronBox } from "./box.ts";

const COUNT = /cron: \d+ jobs? in \d+ files?/;
const USER_CRONTAB = { mode: 0o600, owner: 1000 } as const;

test("A98 jobs get the container's environment, the crontab's over it, and what cron says about the user", async () => {
  const dump = "cat /proc/self/environ >/tmp/$0.environ; pwd";
  await using box = await cronBox(
    {
      "/etc/cron.d/one": `# comment\nBOTH="from crontab"\nLOGNAME=forged\n@reboot app ${dump.replace("$0", "app")}\n`,
      "/etc/crontab": `PATH=/opt/bin:/usr/bin\nSHELL=/bin/bash\nHOME=/tmp\n@reboot root ${dump.replace("$0", "root")}\n`,
    },
    { env: { SECRET: "s3cret", BOTH: "from container" }, environment: { FROM_FILE: "yes" } },
  );
  await box.sees(/cron\[one\]: \/home\/app/);
  await box.sees(/cron\[crontab\]: \/tmp/);
  const read = (name: string) =>
    Object.fromEntries(
      box
        .read(`/tmp/${name}.environ`)
        .split("\0")
        .filter(Boolean)
        .map((entry) => [entry.slice(0, entry.indexOf("=")), entry.slice(entry.indexOf("=") + 1)]),
    );
  const app = read("app");
  assert.equal(app.SECRET, "s3cret");
  assert.equal(app.FROM_FILE, "yes");
  assert.equal(app.BOTH, "from crontab");
  assert.deepEqual([app.LOGNAME, app.USER, app.HOME, app.SHELL], ["app", "app", "/home/app", "/bin/sh"]);
  assert.match(app.PATH ?? "", /^\/usr\/local\/sbin:/);
  const root = read("root");
  assert.deepEqual([root.PATH, root.SHELL, root.HOME], ["/opt/bin:/usr/bin", "/bin/bash", "/tmp"]);
});

test("A98 a job runs as its user with all groups, reads what stands behind %, and its output comes line by line with its name", async () => {
  await using box = await cronBox({
    "/var/spool/cron/crontabs/app": { ...USER_CRONTAB, content: "@reboot id; cat; printf end >&2%one%two\n" },
  });
  await box.sees("cron[app]: end");
  assert.match(
    box.output.stdout,
    /^cron\[app\]: uid=1000\(app\) gid=1000\(app\) groups=1000\(app\),4\(adm\),100\(users\)$/m,
  );
  assert.match(box.output.stdout, /^cron\[app\]: one\ncron\[app\]: two\ncron\[app\]: end$/m);
});

test("A98 what cannot be run is named with its reason, and the rest runs", async () => {
  await using box = await cronBox({
    "/etc/cron.d/good": "@reboot root echo good\n61 * * * * root x\n@reboot nobody-there x\n@reboot root echo better",
    "/etc/cron.d/dotted.sh": "@reboot root echo dotted\n",
    "/etc/cron.d/open": { content: "@reboot root echo open\n", mode: 0o666 },
    "/etc/cron.d/group0": { content: "@reboot root echo group0\n", mode: 0o664 },
    "/etc/cron.d/foreign": { content: "@reboot root echo foreign\n", owner: 1000 },
    "/etc/cron.d/nouser": "@reboot echo without a user\n",
    "/etc/cron.d/.placeholder": "",
    "/etc/cron.d/x.dpkg-old": "@reboot root echo old\n",
    "/etc/cron.daily/late.sh": script("echo late"),
    "/etc/cron.daily/plain": "#!/bin/sh\n",
    "/var/spool/cron/crontabs/ghost": { ...USER_CRONTAB, content: "@reboot echo ghost\n" },
    "/var/spool/cron/crontabs/nobody": { ...USER_CRONTAB, content: "@reboot echo nobody\n" },
  });
  await box.sees("cron[good:1]: good");
  await box.sees("cron[good:4]: better");
  await box.sees("cron[group0]: group0");
  for (const line of [
    'cron: cannot use /etc/cron.d/good:2:1: the minute is 0 to 59, not "61"',
    'cron: cannot use /etc/cron.d/good:3: there is no user "nobody-there" in /etc/passwd',
    'cron: cannot use /etc/cron.d/dotted.sh: its name may only have letters, digits, "-" and "_": rename it to dotted-sh',
    "cron: cannot use /etc/cron.d/open: everybody may write to it (mode 0666): chmod go-w",
    "cron: cannot use /etc/cron.d/foreign: it belongs to uid 1000: chown root",
    'cron: cannot use /etc/cron.d/nouser:1: there is no user "echo" in /etc/passwd; in this file the user stands between',
    'cron: cannot use /etc/cron.daily/late.sh: its name may only have letters, digits, "-" and "_": rename it to late-sh',
    "cron: cannot use /etc/cron.daily/plain: it is not executable: chmod +x /etc/cron.daily/plain",
    'cron: cannot use /var/spool/cron/crontabs/ghost: there is no user "ghost" in /etc/passwd',
    "cron: cannot use /var/spool/cron/crontabs/nobody: it belongs to uid 1000, not to uid 65534",
  ])
    assert.ok(box.output.stdout.includes(line), `${line}\nis missing`);
  assert.doesNotMatch(box.output.stdout, /\]: (dotted|open|foreign|old|late|ghost|nobody)|placeholder|dpkg-old/);
});

test("A98 changes are noticed at once: new files, edits, replaced files, repaired modes, hard links, links, a new user", async () => {
  await using box = await cronBox(
    { "/etc/cron.d/a": { content: "0 0 1 1 * root x\n", mode: 0o666 }, "/etc/cron.weekly": { directory: true } },
    { main: waiting() },
  );
  await box.sees(/cron: 0 jobs in 0 files, 1 refused/);
  chmodSync(box.path("/etc/cron.d/a"), 0o644);
  await box.sees(/cron: 1 job in 1 file\n/);
  linkSync(box.path("/etc/cron.d/a"), box.path("/etc/cron.d/b"));
  await box.sees(/cron: 2 jobs in 2 files\n/);
  writeFileSync(box.path("/tmp/new"), "0 0 1 1 * root x\n0 1 1 1 * root y\n@daily late z\n");
  renameSync(box.path("/tmp/new"), box.path("/etc/cron.d/b"));
  await box.sees(/cron: 3 jobs in 2 files, 1 refused/);
  await box.exec("echo late:x:1001:1001::/:/bin/sh >>/etc/passwd");
  await box.sees(/cron: 4 jobs in 2 files\n/);
  await box.exec("rm /etc/cron.d/b");
  await box.sees(/cron: 1 job in 1 file\n/, 2);
  await box.exec("mkdir /srv; echo >/srv/table; ln -s /srv/table /etc/cron.d/linked");
  await box.exec("echo @yearly root x >/srv/table");
  await box.sees(/cron: 2 jobs in 2 files\n/, 2);
  await box.exec("echo '#!/bin/sh' >/etc/cron.weekly/w; chmod +x /etc/cron.weekly/w");
  await box.sees(/cron: 3 jobs in 3 files\n/);
});

test("A98 a job that fails is reported with its status, one that runs is not started again, and a time limit ends it", async () => {
  await using box = await cronBox({
    "/etc/cron.d/a": [
      "CRON_NAME=fails\n@yearly root echo out; exit 3",
      "CRON_NAME=killed\n@yearly root kill -9 $$",
      "CRON_NAME=slow\nCRON_TIMEOUT=3s\n@yearly root trap 'exit 7' TERM; echo up; sleep 100 & wait",
      "CRON_NAME=long\nCRON_TIMEOUT=0\n@yearly root echo up; exec sleep 100",
      "",
    ].join("\n"),
  });
  await box.sees(COUNT);
  const failing = await box.exec("cron run fails");
  assert.deepEqual([failing.code, failing.stdout], [3, "out\n"]);
  assert.match(failing.stderr, /^cron: fails failed: exit 3 after \d+ s\n$/);
  await box.sees(/cron\[fails\]: failed: exit 3 after \d+ s/);
  assert.equal((await box.exec("cron run killed")).code, 137);
  assert.equal((await box.exec("cron run slow")).code, 7);
  await box.sees(/cron\[slow\]: failed: time limit after \d+ s/);
  const long = box.exec("cron run long");
  await box.sees("cron[long]: up");
  const second = await box.exec("cron run long");
  assert.deepEqual([second.code, second.stdout], [125, ""]);
  assert.match(second.stderr, /^cron: cannot run long: it runs already \(pid \d+\)$/m);
  assert.match(
    (await box.exec("cron list")).stdout,
    /^long +@yearly +root .* runs \(pid \d+\) +\/etc\/cron\.d\/a:10$/m,
  );
  assert.match((await box.exec("cron list")).stdout, /^fails .* exit 3, \d+ s /m);
  assert.equal((await box.exec("cron run nothing")).code, 125);
  await box.stop();
  assert.equal((await long).code === 0, false);
});

test("A98 the scripts of /etc/cron.daily and its like are jobs of their own, in order, when /etc/crontab says, else when Debian's does", async () => {
  const files = {
    "/etc/cron.daily/b": script("echo b"),
    "/etc/cron.daily/a": script("pwd; echo a $A"),
    "/etc/cron.hourly/h": script("echo h"),
  };
  await using own = await cronBox(files);
  await own.sees(/cron: 3 jobs in/);
  const list = (await own.exec("cron list")).stdout;
  assert.match(list, /^hourly\/h +17 \* \* \* \* +root .*\ndaily\/a +25 6 \* \* \* +root .*\ndaily\/b +25 6 /m);
  assert.equal((await own.exec("cron run daily/a")).stdout, "/\na\n");
  // As in Debian, what no line names does not run.
  await using theirs = await cronBox({
    ...files,
    "/etc/crontab":
      "A=1\n5 4 * * 1\troot test -x /usr/sbin/anacron || { cd / && run-parts --report /etc/cron.daily; }\n#17 * * * * root cd / && run-parts --report /etc/cron.hourly\n",
  });
  await theirs.sees(/cron: 2 jobs in/);
  assert.match(
    (await theirs.exec("cron list")).stdout,
    /\ndaily\/a +5 4 \* \* 1 +root .*\ndaily\/b +5 4 \* \* 1 .*\n$/,
  );
  assert.equal((await theirs.exec("cron run daily/a")).stdout, "/\na 1\n");
  theirs.write("/etc/crontab", "5 4 * * * root run-parts /etc/cron.daily\n");
  await theirs.sees(/cron: 1 job in/);
  assert.match((await theirs.exec("cron list")).stdout, /\ncrontab +5 4 \* \* \* +root .*\n$/);
});

test("A98 @reboot jobs run once in a container's life, however often cron starts", async () => {
  await using box = await cronBox({ "/etc/cron.d/a": "@reboot root echo booted\n" });
  await box.sees("cron[a]: booted");
  await box.sv("restart", "cron");
  await box.sees(COUNT, 2);
  assert.match((await box.exec("cron list")).stdout, /^a +@reboot .* ok, \d+ s/m);
  assert.equal(box.output.count("cron[a]: booted"), 1);
});

test("A98 a schedule runs at the minute's start, in the zone that CRON_TZ names, and with what the host has written into a table", async () => {
  await using box = await cronBox(
    {
      "/etc/cron.d/a":
        "CRON_NAME=now\n* * * * * root date +\\%S\nCRON_TZ=Asia/Kolkata\nCRON_NAME=india\n0 12 * * * root x\n",
      "/etc/cron.d/mounted": "",
      "/host": "",
    },
    { mounts: [{ source: "box:/host", at: "/etc/cron.d/mounted", type: "none", options: "bind" }] },
  );
  await box.sees(COUNT);
  writeFileSync(box.path("/host"), "* * * * * root echo edited\n");
  const list = (await box.exec("TZ=UTC cron list")).stdout;
  assert.match(list, /^india +0 12 \* \* \* +root +\d{4}-\d\d-\d\d 06:30 /m);
  await delay(60_000 - (Date.now() % 60_000));
  const [, second] = await soon("the start of the job after the minute's", box.sees(/cron\[now\]: (\d\d)\n/), 2000);
  assert.ok(Number(second) < 50, `it ran before the minute, at second ${second}`);
  // In the next minute, should this one have begun before the file was written.
  await box.sees("cron[mounted]: edited", 1, 120_000);
}, 300_000);

test("A98 schedules are in the container's zone, by TZ or else by /etc/localtime; TZ in a table is for its commands", async () => {
  const files = { "/etc/cron.d/a": 'TZ=America/New_York\n0 12 * * * root echo "$TZ"\n' };
  const localtime = { "/etc/localtime": { link: "/usr/share/zoneinfo/Asia/Kathmandu" } };
  for (const [env, utc] of [
    [{ TZ: "Asia/Kolkata" }, "06:30"],
    [{}, "06:15"],
  ] as const) {
    await using box = await cronBox({ ...files, ...localtime }, { env });
    await box.sees(COUNT);
    assert.match(
      (await box.exec("TZ=UTC cron list")).stdout,
      new RegExp(`^a +0 12 \\* \\* \\* +root +\\S+ ${utc} `, "m"),
    );
    assert.equal((await box.exec("cron run a")).stdout, "America/New_York\n");
  }
});

test("A98 cron outlives a crash: jobs that run go on, and their output still comes", async () => {
  await using box = await cronBox(
    { "/etc/cron.d/a": "@reboot root echo $$ >/tmp/pid; read x </tmp/go; echo went on; exit 4\n" },
    { before: "mkfifo /tmp/go" },
  );
  const job = await eventually("the job runs", () => box.has("/tmp/pid") && (box.read("/tmp/pid").trim() || undefined));
  const pid = box.find("/sbin/cron")?.pid;
  await box.exec(`kill -SEGV ${pid}`);
  await box.sees("cron: it has started itself again after a crash; jobs that ran go on");
  assert.equal(box.find("/sbin/cron")?.pid, pid);
  assert.match((await box.exec("cron list")).stdout, new RegExp(`runs \\(pid ${job}\\)`));
  await box.exec("echo >/tmp/go");
  await box.sees("cron[a]: went on");
  await box.sees("cron[a]: failed: exit 4");
  assert.equal(box.output.count("went on"), 1);
});

test("A98 a stop ends jobs in order, and what they say last is heard", async () => {
  // No child in the background: a dash that is forked and not yet another program loses a TERM, on a busy machine two.
  await using box = await cronBox({
    "/etc/cron.d/a": "@reboot root trap 'echo saved; exit 0' TERM; echo up; while :; do sleep 0.05; done\n",
  });
  await box.sees("cron[a]: up");
  const { code } = await box.stopSoon(3000);
  assert.equal(code, 0, box.output.text);
  assert.ok(box.output.stdout.includes("cron[a]: saved"), box.output.text);
});

test("A98 while cron ends no job starts any more", async () => {
  const waits =
    "trap 'echo told; until [ -e /tmp/go ]; do sleep 0.02; done; exit 0' TERM; echo up; while :; do sleep 0.05; done";
  await using box = await cronBox({
    "/etc/cron.d/a": `CRON_NAME=slow\n@reboot root ${waits}\nCRON_NAME=other\n@yearly root echo other\n`,
  });
  await box.sees("cron[slow]: up");
  await box.exec("sv down cron");
  await box.sees("cron[slow]: told");
  const late = await box.exec("cron run other");
  assert.deepEqual([late.code, late.stdout, late.stderr], [125, "", "cron: cannot run other: cron ends\n"]);
  box.write("/tmp/go", "");
  await eventually("cron has ended", () => box.find("/sbin/cron") === undefined);
});

test("A98 with CRON_JITTER a start is put off, and a stop meanwhile starts nothing", async () => {
  await using box = await cronBox({
    "/etc/cron.d/a":
      "CRON_NAME=soon\nCRON_JITTER=200ms\n@reboot root echo soon\nCRON_JITTER=20h\nCRON_NAME=later\n@reboot root echo later\n",
  });
  await box.sees("cron[soon]: soon");
  const { code } = await box.stop();
  assert.equal(code, 0);
  assert.equal(box.output.count("cron[later]"), 0);
});

test("A98 a job's flood of output is all there, in whole lines, and a reader that sleeps stops nothing but the flood", async () => {
  await using box = await cronBox(
    { "/etc/cron.d/a": "CRON_NAME=flood\n@reboot root seq 200000\nCRON_NAME=other\n@yearly root touch /tmp/other\n" },
    { slowReader: true },
  );
  await eventually("the job is stuck in its pipe", () => box.find("seq 200000") !== undefined);
  await box.exec("cron run other");
  assert.ok(box.has("/tmp/other"));
  box.readOutput();
  await box.sees("cron[flood]: 200000\n");
  const numbers = [...box.output.stdout.matchAll(/^cron\[flood\]: (\d+)$/gm)].map(([, number]) => Number(number));
  assert.equal(numbers.length, 200_000);
  assert.ok(numbers.every((number, index) => number === index + 1));
});

test("A98 long lines are split and marked, control characters shown", async () => {
  await using box = await cronBox({
    "/etc/cron.d/a": "@reboot root head -c 10000 /dev/zero | tr '\\0' x; printf '\\nA\\033[2JB\\tC\\r\\n'\n",
  });
  await box.sees("cron[a]: A\\x1b[2JB\tC\n");
  const parts = [...box.output.stdout.matchAll(/^cron\[a\]: (x+)(\\?)$/gm)];
  assert.equal(parts.map(([, text]) => text).join("").length, 10_000);
  assert.deepEqual(
    parts.map(([, , mark]) => mark),
    ["\\", "\\", ""],
  );
});

test("A98 without root cron runs what is its own user's and counts the rest", async () => {
  await using box = await cronBox(
    {
      "/etc/cron.d/a": "@reboot root echo root\n@reboot app id -u\n",
      "/etc/service/cron": { directory: true },
      "/run": { directory: true, mode: 0o755 },
    },
    { user: 1000 },
  );
  await box.sees("cron[a:2]: 1000");
  await box.sees(/1 of others left out: cron without root runs only what is uid 1000's\n/);
  assert.match((await box.exec("cron list", { user: 1000 })).stdout, /^a:2 /m);
});

test("A98 MAILTO is kept: with a sendmail the output is mailed too, without one the log has it", async () => {
  const table =
    'MAILTO=ops@example.com\n@reboot app echo hello; echo $MAILTO\n@reboot app true\nMAILTO="-Xx"\n@reboot root echo odd\n';
  await using without = await cronBox({ "/etc/cron.d/a": table });
  await without.sees("cron[a:2]: ops@example.com");
  await using box = await cronBox(
    {
      "/etc/cron.d/a": table,
      "/opt/mail/sendmail": script('id -un >/tmp/mail; echo "$@" >>/tmp/mail; cat >>/tmp/mail; mv /tmp/mail /tmp/sent'),
    },
    { env: { PATH: "/opt/mail:/usr/local/sbin:/usr/bin:/bin" } },
  );
  await box.sees("cron[a:2]: hello");
  await box.sees('cron[a:5]: cannot mail its output: MAILTO="-Xx" is no address');
  await eventually("the mail is sent", () => box.has("/tmp/sent"));
  const mail = box.read("/tmp/sent");
  assert.match(mail, /^app\n-FCronDaemon -i -oem ops@example\.com\nFrom: /);
  assert.match(mail, /^Subject: Cron <app@box> echo hello; echo \$MAILTO$/m);
  assert.ok(mail.endsWith("\n\nhello\nops@example.com\n"), mail);
});

test("A98 cron takes Debian's options, goes to the background without -f, and is the only one that runs", async () => {
  await using box = await cronBox(
    { "/etc/cron.d/a": "@reboot root echo booted\n" },
    {
      services: { cron: { run: "exec /sbin/cron -f -L 15", down: true } },
      main: `cron; echo "cron: $?"; ${waiting()}`,
    },
  );
  await box.sees("cron: 0\n");
  await box.sees("cron[a]: booted");
  assert.match(await box.sv("start", "cron"), /^ok: run: cron: /);
  const [, pid] = await box.sees(/cron: another cron runs \(pid (\d+)\): this one waits until that has ended/);
  const background = box.find("cron -f");
  assert.deepEqual([background?.pid, background?.parent], [Number(pid), 1]);
  assert.equal((await box.exec("flock --nonblock /run/crond.pid true")).code, 1);
  assert.match((await box.exec("cron list")).stdout, /^a +@reboot /m);
  assert.match(await box.sv("stop", "cron"), /^ok: down: cron: /);
  assert.equal(box.output.count("booted"), 1);
});
