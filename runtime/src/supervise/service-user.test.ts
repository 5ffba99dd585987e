import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeSys } from "../fake/sys-fake.ts";
import { userOf } from "./service-user.ts";

function systemWith(user: string): FakeSys {
  const sys = new FakeSys();
  sys.put("/etc/passwd", "root:x:0:0::/root:/bin/bash\napp:x:1000:1001::/home/app:/bin/sh\n");
  sys.put("/etc/group", "app:x:1001:\nadm:x:4:app\n");
  sys.put("/etc/service/s/user", user);
  return sys;
}

test("userOf() gives ids with all groups as setgroups(2) takes them, and an environment that tells who it is", () => {
  assert.deepEqual(userOf(systemWith("app\n"), "/etc/service/s", "A=1\0HOME=/root\0"), {
    ids: [1000, 1001, 1001, 4],
    environment: "A=1\0HOME=/home/app\0SHELL=/bin/sh\0USER=app\0LOGNAME=app",
  });
});

test("userOf() gives a number that has no name its own group, and no name", () => {
  assert.deepEqual(userOf(systemWith("77"), "/etc/service/s", ""), {
    ids: [77, 77, 77],
    environment: "HOME=/\0SHELL=/bin/sh",
  });
});

test("userOf() answers null without the file, and a reason when the file names nobody or cannot be read", () => {
  const sys = systemWith("nobody-knows");
  assert.equal(userOf(sys, "/etc/service/other", ""), null);
  assert.match(String(userOf(sys, "/etc/service/s", "")), /^\/etc\/service\/s\/user: no user "nobody-knows"/);
  sys.unlink("/etc/passwd");
  assert.equal(
    userOf(sys, "/etc/service/s", ""),
    "/etc/service/s/user: cannot read /etc/passwd: No such file or directory",
  );
  sys.mkdir("/etc/service/d", 0o755);
  sys.mkdir("/etc/service/d/user", 0o755);
  assert.match(String(userOf(sys, "/etc/service/d", "")), /^cannot read \/etc\/service\/d\/user: /);
});
