import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeSys } from "../fake/sys-fake.ts";
import { Errno } from "../sys.ts";
import { explain, findProgram, spawn, spawnAsShell } from "./programs.ts";

test("findProgram() looks along the path and answers with a shell's codes", () => {
  const sys = new FakeSys();
  sys.putProgram("/second/tool");
  sys.put("/first/tool", "", 0o644);
  sys.put("/first/text", "", 0o644);
  sys.mkdir("/second/dir", 0o755);
  const along = (name: string, path = "/none:/first:/second") => findProgram(sys, name, path);
  assert.equal(along("tool"), "/second/tool");
  assert.equal(along("text"), 126);
  assert.equal(along("dir"), 126);
  assert.equal(along("none"), 127);
  assert.equal(along(""), 127);
  assert.equal(along("/first/tool"), 126);
  assert.equal(along("/second/tool"), "/second/tool");
  sys.chdir("/second");
  assert.equal(along("tool", ""), "./tool");
});

test("spawn() hands over arguments, environment, directory and ids", () => {
  const sys = new FakeSys();
  sys.putProgram("/p");
  sys.mkdir("/dir", 0o755);
  const pid = spawn(sys, { path: "/p", argv: ["p", "", "b"], env: "A=1\0B=2", cwd: "/dir", ids: [1, 2, 3] });
  const [process] = sys.spawned;
  assert.equal(process?.pid, pid);
  assert.deepEqual(process?.argv, ["p", "", "b"]);
  assert.deepEqual(process?.env, ["A=1", "B=2"]);
  assert.deepEqual([process?.cwd, process?.ids], ["/dir", [1, 2, 3]]);
});

test("spawnAsShell() gives a script without #! to /bin/sh with its arguments, and warns once", () => {
  const sys = new FakeSys();
  sys.putProgram("/bin/sh");
  sys.put("/script", "echo hello\n", 0o755);
  const warnings: string[] = [];
  const warn = (message: string) => warnings.push(message);
  assert.ok(spawnAsShell(sys, { path: "/script", argv: ["script", "a b"], env: "" }, warn) > 0);
  assert.deepEqual(sys.spawned[0]?.argv, ["/bin/sh", "/script", "a b"]);
  assert.equal(warnings.length, 1);
  assert.match(warnings[0] ?? "", /^\/script has no #! line/);
  sys.put("/garbage", "\0\x01\x02", 0o755);
  assert.equal(spawnAsShell(sys, { path: "/garbage", argv: ["x"], env: "" }, warn), -Errno.ENOEXEC);
  assert.equal(spawnAsShell(sys, { path: "/none", argv: ["x"], env: "" }, warn), -Errno.ENOENT);
});

test("explain() names the interpreter that is missing, and not the script that is there", () => {
  const sys = new FakeSys();
  sys.put("/script", "#!/opt/none -x\n", 0o755);
  assert.match(explain(sys, "/script", Errno.ENOENT), /\/opt\/none/);
  assert.match(explain(sys, "/none", Errno.ENOENT), /^no such file/);
});
