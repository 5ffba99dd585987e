import assert from "node:assert/strict";
import { statSync } from "node:fs";
import { script } from "../harness/rootfs.ts";
import { test } from "../harness/test.ts";
import { cronBox } from "./box.ts";

const SPOOL = "/var/spool/cron/crontabs";

test("A98 crontab installs, prints and removes a user's own table, and cron knows at once", async () => {
  await using box = await cronBox({});
  await box.sees("cron: 0 jobs");
  const app = (command: string, input?: string) =>
    box.exec(command, input === undefined ? { user: 1000 } : { user: 1000, input });
  const none = await app("crontab -l");
  assert.deepEqual([none.code, none.stderr], [1, "crontab: there is no crontab\n"]);
  assert.equal((await app("crontab -", "0 4 * * * echo one\n")).code, 0);
  await box.sees("cron: 1 job in 1 file");
  const { mode, uid } = statSync(box.path(`${SPOOL}/app`));
  assert.deepEqual([mode & 0o7777, uid], [0o600, 1000]);
  assert.equal((await app("crontab -l")).stdout, "0 4 * * * echo one\n");
  assert.match((await app("cron list")).stdout, /^app +0 4 \* \* \* +app /m);
  assert.equal((await app("cron run app")).stdout, "one\n");
  assert.equal((await app("crontab -i -r", "n\n")).code, 1);
  assert.equal((await app("crontab -i -r", "y\n")).code, 0);
  assert.ok(!box.has(`${SPOOL}/app`));
  assert.equal((await app("crontab -r")).stderr, "crontab: there is no crontab\n");
});

test("A98 crontab refuses a table with a flaw, says where it is, and keeps the old one", async () => {
  await using box = await cronBox({
    "/home/app/good": "1 1 1 1 1 x\n",
    "/home/app/bad": "1 1 1 1 1 x\n\n* 24 * * * y\nhello\n",
  });
  await box.sees("cron: 0 jobs");
  assert.equal((await box.exec("crontab /home/app/good", { user: 1000 })).code, 0);
  const { code, stderr } = await box.exec("crontab /home/app/bad", { user: 1000 });
  assert.equal(code, 1);
  assert.equal(
    stderr,
    'crontab: cannot use /home/app/bad:\n/home/app/bad:3:3: the hour is 0 to 23, not "24"\n/home/app/bad:4:1: the minute is 0 to 59, not "hello"\nnothing was changed\n',
  );
  assert.equal((await box.exec("crontab -n /home/app/bad", { user: 1000 })).code, 1);
  assert.equal((await box.exec("crontab -n /home/app/good", { user: 1000 })).code, 0);
  assert.equal(box.read(`${SPOOL}/app`), "1 1 1 1 1 x\n");
});

test("A98 the daemon itself keeps users to their own tables, whatever a client sends", async () => {
  await using box = await cronBox({ [`${SPOOL}/root`]: { content: "0 0 * * * secret\n", mode: 0o600 } });
  await box.sees("cron: 1 job");
  const ask = (request: string) =>
    box.exec(
      [
        "perl",
        "-MIO::Socket::UNIX",
        "-e",
        '$s=IO::Socket::UNIX->new("/run/cron/socket") or die; print $s $ARGV[0]; $s->flush; shutdown($s,1) if 0; print <$s>',
        request,
      ],
      { user: 1000 },
    );
  for (const [request, answer] of [
    ["get root\n", /^error only root may/],
    ["put 2 root\nx\n", /^error only root may/],
    ["remove root\n", /^error only root may/],
    ["get ../root\n", /^error no usable target/],
    ["put 999999999 app\n", /^error a crontab has 131072 bytes at most/],
    ["put 10 app\n* * * * *\n", /^flaws 1\n1:10: the command is missing/],
    ["list\n", /^ok 0\n$/],
    ["run root\n", /^error there is no job "root"/],
    ["nonsense\n", /^error /],
    [`${"x".repeat(5000)}\n`, /^error /],
  ] as const)
    assert.match((await ask(request)).stdout, answer, JSON.stringify(request.slice(0, 40)));
  assert.equal(box.read(`${SPOOL}/root`), "0 0 * * * secret\n");
  const other = await box.exec("crontab -u root -l", { user: 1000 });
  assert.deepEqual([other.code, other.stderr], [1, "crontab: only root may use -u\n"]);
});

test("A98 cron.allow and cron.deny decide who may have a table", async () => {
  await using box = await cronBox({ "/etc/cron.deny": "app\n" });
  await box.sees("cron: 0 jobs");
  const install = () => box.exec("crontab -", { user: 1000, input: "@daily x\n" });
  assert.equal((await install()).stderr, "crontab: user app is in /etc/cron.deny\n");
  box.write("/etc/cron.allow", "daemon\n");
  assert.equal((await install()).stderr, "crontab: user app is not in /etc/cron.allow\n");
  box.write("/etc/cron.allow", "daemon\napp\n");
  assert.equal((await install()).code, 0);
  assert.equal((await box.exec("crontab -u app -r")).code, 0);
});

test("A98 crontab -e edits with the user's editor, asks again after a flaw, and leaves nothing behind", async () => {
  await using box = await cronBox({
    "/opt/good": script('echo "@daily edited" >"$1"'),
    "/opt/bad": script('echo "@noon x" >"$1"'),
    "/opt/fails": script("exit 3"),
  });
  await box.sees("cron: 0 jobs");
  const edit = (editor: string, input = "") =>
    box.exec(["env", `EDITOR=${editor}`, "crontab", "-e"], { user: 1000, input });
  assert.match((await edit("true")).stderr, /nothing was changed/);
  assert.ok(!box.has(`${SPOOL}/app`));
  assert.equal((await edit("/opt/good")).code, 0);
  assert.equal(box.read(`${SPOOL}/app`), "@daily edited\n");
  const bad = await edit("/opt/bad", "n\n");
  assert.equal(bad.code, 1);
  assert.match(bad.stderr, /:1:1: there is no time "@noon".*\n.*edit it again\? \(y\/n\) crontab: nothing was changed/);
  const failed = await edit("/opt/fails");
  assert.deepEqual([failed.code, failed.stderr], [1, "crontab: /opt/fails ended with status 3; nothing was changed\n"]);
  assert.equal(box.read(`${SPOOL}/app`), "@daily edited\n");
  assert.equal((await box.exec("ls /tmp")).stdout, "");
});

test("A98 crontab -e leaves Ctrl-C to the editor, and takes an empty EDITOR for none", async () => {
  await using box = await cronBox({
    // As vim, which takes the key for its own.
    "/opt/editor": {
      content: `#!/usr/bin/perl\n$SIG{INT} = sub { open my $f, ">", $ARGV[0]; print $f "\\@daily caught\\n" };\nkill INT => 0;\n`,
      mode: 0o755,
    },
  });
  await box.sees("cron: 0 jobs");
  const edited = await box.exec("EDITOR= VISUAL= PATH=/opt:$PATH setsid --wait crontab -e", { user: 1000 });
  assert.deepEqual([edited.code, edited.stderr], [0, ""]);
  assert.equal(box.read(`${SPOOL}/app`), "@daily caught\n");
  assert.equal((await box.exec("ls /tmp")).stdout, "");
});

test("A98 without a running cron root writes directly, and a user is told what to do", async () => {
  await using box = await cronBox({}, { services: {} });
  await box.exec("true");
  assert.equal((await box.exec("crontab -u app -", { input: "@daily x\n" })).code, 0);
  assert.equal((await box.exec("crontab -u app -l")).stdout, "@daily x\n");
  assert.equal(statSync(box.path(`${SPOOL}/app`)).uid, 1000);
  const user = await box.exec("crontab -l", { user: 1000 });
  assert.deepEqual([user.code, user.stderr], [1, "crontab: cannot talk to cron: cron does not run: sv up cron\n"]);
  assert.equal((await box.exec("cron list")).code, 125);
  assert.match((await box.exec("crontab")).stderr, /^crontab: usage:/);
});
