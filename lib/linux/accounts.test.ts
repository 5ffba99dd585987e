import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { findUser, findUserOfId, groupsOf, memberOf, parseUserSpec } from "./accounts.ts";

const PASSWD = `# a comment
root:x:0:0:root:/root:/bin/bash
broken
noid:x::1:::
app:x:1000:1000:App,,,:/home/app:/bin/zsh
1000:x:2000:2000::/home/number:
twin:x:1000:1000::/home/twin:/bin/sh
+::::::
`;
const GROUP = `root:x:0:
adm:x:4:syslog,app
users:x:100:app
app:x:1000:
dup:x:1000:app
number:x:2000:
5:x:55:
`;

test("findUser() takes a name before a number and the first of equal numbers", () => {
  assert.deepEqual(findUser(PASSWD, "app"), {
    name: "app",
    uid: 1000,
    gid: 1000,
    home: "/home/app",
    shell: "/bin/zsh",
  });
  assert.equal(findUser(PASSWD, "1000")?.uid, 2000);
  assert.equal(findUser(PASSWD, "2000")?.name, "1000");
  assert.equal(findUser(PASSWD, "0")?.name, "root");
  assert.equal(findUser("a:x:7:7\nb:x:7:7", "7")?.name, "a");
});

test("findUser() fills in home and shell where the line lacks them", () => {
  assert.deepEqual(findUser("a:x:7:8", "a"), { name: "a", uid: 7, gid: 8, home: "/", shell: "/bin/sh" });
});

test("findUser() is null when nobody is meant or the line is malformed", () => {
  for (const who of ["", "nosuch", "noid", "broken", "3000", "+", "# a comment", "-1", "4294967295"])
    assert.equal(findUser(PASSWD, who), null, who);
});

test("groupsOf() has the primary group first and each group once", () => {
  assert.deepEqual(groupsOf(GROUP, "app", 1000), [1000, 4, 100]);
  assert.deepEqual(groupsOf(GROUP, "root", 0), [0]);
  assert.deepEqual(groupsOf("", "app", 7), [7]);
});

test("parseUserSpec() resolves every form", () => {
  const expected: Readonly<Record<string, [name: string | null, uid: number, groups: number[], home: string]>> = {
    app: ["app", 1000, [1000, 4, 100], "/home/app"],
    "app:adm": ["app", 1000, [4], "/home/app"],
    "app:adm:users": ["app", 1000, [4, 100], "/home/app"],
    "app:100": ["app", 1000, [100], "/home/app"],
    "app:5": ["app", 1000, [55], "/home/app"],
    "3000": [null, 3000, [3000], "/"],
    "3000:adm": [null, 3000, [4], "/"],
    "3000:77": [null, 3000, [77], "/"],
    ":1000": [null, 1000, [1000], "/"],
    ":1000:5:6": [null, 1000, [5, 6], "/"],
    "0": ["root", 0, [0], "/root"],
    "2000": ["1000", 2000, [2000], "/home/number"],
  };
  for (const [spec, [name, uid, groups, home]] of Object.entries(expected)) {
    const account = parseUserSpec(spec, PASSWD, GROUP);
    assert.ok(typeof account === "object", spec);
    assert.deepEqual(
      [account.name, account.uid, account.gid, account.groups, account.home],
      [name, uid, groups[0], groups, home],
      spec,
    );
  }
});

test("parseUserSpec() names what it does not know", () => {
  const expected = {
    nosuch: 'no user "nosuch" in /etc/passwd',
    "": 'no user "" in /etc/passwd',
    "app:nosuch": 'no group "nosuch" in /etc/group',
    "app:": 'no group "" in /etc/group',
    ":app": '"app" is not a user id',
    ":1:app": '"app" is not a group id',
    ":4294967296:1": '"4294967296" is not a user id',
    "4294967295": 'no user "4294967295" in /etc/passwd',
  };
  for (const [spec, reason] of Object.entries(expected)) assert.equal(parseUserSpec(spec, PASSWD, GROUP), reason, spec);
});

test("parseUserSpec() answers any text with ids that the kernel takes, or a reason", () => {
  const text = fc.string({ unit: fc.constantFrom(..."ap:01\n,x"), maxLength: 40 });
  fc.assert(
    fc.property(text, text, text, (spec, passwd, group) => {
      const account = parseUserSpec(spec, passwd, group);
      if (typeof account === "string") return assert.notEqual(account, "");
      for (const id of [account.uid, account.gid, ...account.groups])
        assert.ok(Number.isInteger(id) && id >= 0 && id < 2 ** 32 - 1);
      assert.equal(account.groups[0], account.gid);
    }),
  );
});

test("findUserOfId() finds the first user with a number, and takes no name for one", () => {
  assert.deepEqual(
    [1000, 2000, 0, 7].map((uid) => findUserOfId(PASSWD, uid)?.name),
    ["app", "1000", "root", undefined],
  );
});

test("memberOf() is true for a user in the group's list, and for one who has the group's number", () => {
  const member = (group: string, user: string, ...groups: number[]) => memberOf(GROUP, group, user, groups);
  assert.deepEqual(
    [member("adm", "app"), member("adm", "eve", 4), member("adm", "eve", 100), member("none", "app")],
    [true, true, false, false],
  );
});

test("groupsOf() takes time in proportion to a user's groups", () => {
  const fileOf = (count: number) => Array.from({ length: count }, (_, i) => `g${i}:x:${i + 1}:app`).join("\n");
  const timeOf = (count: number) => {
    const file = fileOf(count);
    const times = [1, 2, 3].map(() => {
      const start = performance.now();
      assert.equal(groupsOf(file, "app", 0).length, count + 1);
      return performance.now() - start;
    });
    return Math.min(...times);
  };
  const few = timeOf(4000);
  // Sixteen times as many; a search of the list for each would make that 256 times.
  assert.ok(timeOf(64_000) < 100 * few);
});
