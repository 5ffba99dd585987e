import assert from "node:assert/strict";
import { test } from "node:test";
import { DEFAULT_SETTINGS } from "../../../../lib/cron/settings.ts";
import type { Account } from "../../../../lib/linux/accounts.ts";
import { Children } from "../../base/children.ts";
import { Loop } from "../../base/loop.ts";
import { FakeSys } from "../../fake/sys-fake.ts";
import { Errno, Mode } from "../../sys.ts";
import type { Job } from "../job.ts";
import { mailFor } from "./mail.ts";
import { startProgram } from "./program.ts";

const JOB: Job = {
  key: "job",
  name: "job",
  origin: "/etc/cron.d/job:1",
  schedule: null,
  when: "@reboot",
  user: "root",
  program: { text: "cat", input: "the input" },
  chain: "",
  environment: null,
  settings: DEFAULT_SETTINGS,
};
const ROOT: Account = { name: "root", uid: 0, gid: 0, groups: [0], home: "/root", shell: "/bin/sh" };
const VARIABLES = new Map([
  ["MAILTO", "root"],
  ["PATH", "/bin"],
]);

/** A kernel that refuses memfd_create, and without `files` also files in /tmp. */
function refusing(errno: Errno, files: boolean): FakeSys {
  const sys = new FakeSys();
  sys.makeDirectories("/tmp");
  for (const path of ["/bin/sh", "/usr/sbin/sendmail"]) sys.putProgram(path);
  sys.memfd = () => -errno;
  const open = sys.open.bind(sys);
  sys.open = (path, flags, mode) => (path.startsWith("/tmp/") && !files ? -errno : open(path, flags, mode));
  return sys;
}

for (const errno of [Errno.EPERM, Errno.ENOSYS]) {
  test(`startProgram() gives a job its input where memfd_create answers ${errno}`, () => {
    const sys = refusing(errno, true);
    assert.ok((startProgram(sys, JOB, ROOT, VARIABLES, 1) as number) > 0);
    const input = sys.spawned[0]?.stdio[0]?.file;
    assert.equal((input?.inode.mode ?? 0) & Mode.TypeMask, Mode.Regular);
    assert.deepEqual(sys.readdir("/tmp"), []);
  });

  test(`startProgram() says why a job cannot have its input, and does not start it, where ${errno} answers`, () => {
    const sys = refusing(errno, false);
    assert.equal(startProgram(sys, JOB, ROOT, VARIABLES, 1), `cannot give it its input: ${sys.strerror(errno)}`);
    assert.equal(sys.spawned.length, 0);
  });

  test(`mailFor() says why a mail cannot be made, and sends no empty one, where ${errno} answers`, () => {
    const sys = refusing(errno, false);
    const children = new Children(
      sys,
      new Loop(
        sys,
        () => undefined,
        () => undefined,
      ),
    );
    const said: string[] = [];
    const mail = mailFor(JOB, { sys, children, variables: VARIABLES, account: ROOT, failed: (why) => said.push(why) });
    mail?.line("output");
    mail?.ended({ started: 0, seconds: 1, result: "ok" }, 0);
    assert.match(said.join(), /^cannot mail its output: it cannot be kept for \/usr\/sbin\/sendmail: /);
    assert.equal(sys.spawned.length, 0);
  });
}
