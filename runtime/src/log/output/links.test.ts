import assert from "node:assert/strict";
import { test } from "node:test";
import { Mode } from "../../sys.ts";
import { World } from "../world.fixture.ts";

const WEB = 33;
const LOG = "/var/log/web/web.log";
const SECRET = "root:x:0:0\n";

/** A service that logs to a directory of its own user, in which that user has prepared something. */
function world(prepare: (it: World) => void, settings = ""): World {
  const line = (text: string) => (it: World) => it.say(`${text.repeat(20)}\n`);
  const it = new World(
    `LOG_ROTATE_SIZE=20\nLOG_ROTATE_KEEP=3\nLOG_COMPRESS=off\n${settings}`,
    ["a", "b", "c", "d"].map(line),
  );
  it.kernel.put("/etc/passwd", SECRET);
  it.kernel.put("/etc/service/web/log.conf", `LOG_FILE=${LOG}\n`);
  it.kernel.makeDirectories("/var/log/web");
  it.kernel.chown("/var/log/web", WEB, WEB);
  prepare(it);
  it.run();
  return it;
}

test("LogFile writes to a directory of the service's user, and its files are root's", () => {
  const { kernel } = world(() => undefined);
  for (const path of [`${LOG}.1`, `${LOG}.2`]) {
    const stat = kernel.stat(path);
    assert.deepEqual(typeof stat === "number" ? stat : [stat.uid, stat.gid, stat.mode & 0o777], [0, 4, 0o640]);
  }
});

for (const [what, prepare] of [
  ["a link", ({ kernel }) => kernel.putLink(LOG, "/etc/passwd")],
  ["a link to nothing", ({ kernel }) => kernel.putLink(LOG, "/etc/cron.d/evil")],
  ["a hard link", ({ kernel }) => kernel.putHardLink(LOG, "/etc/passwd")],
] as [string, (it: World) => void][]) {
  test(`LogFile does not write to ${what} in a directory of the service's user, and says why`, () => {
    const it = world((that) => {
      that.kernel.makeDirectories("/etc/cron.d");
      prepare(that);
    });
    assert.equal(it.kernel.textOf("/etc/passwd"), SECRET);
    assert.deepEqual(it.kernel.readdir("/etc/cron.d"), []);
    const { container } = it;
    assert.match(
      container,
      /cannot write \/var\/log\/web\/web\.log: "\/var\/log\/web\/web\.log" .* in a directory that others may write/,
    );
    assert.match(container, /web: aaaa/);
  });
}

test("Rotation follows no link that the service's user has made under any of its names", () => {
  const names = [1, 2, 3].flatMap((number) => [`.${number}`, `.${number}.gz`, `.${number}.gz.new`]);
  const gzip = ({ kernel }: World) => {
    kernel.putProgram("/usr/bin/gzip", (process) => {
      process.stdio[1]?.write?.(process.stdio[0]?.read?.(65_536) as string);
      kernel.end(process, 0);
    });
  };
  for (const name of names) {
    for (const put of ["putLink", "putHardLink"] as const) {
      const it = world((that) => {
        gzip(that);
        that.kernel[put](`${LOG}${name}`, "/etc/passwd");
      }, "LOG_COMPRESS=on\n");
      assert.equal(it.kernel.textOf("/etc/passwd"), SECRET, name);
      const secret = it.kernel.lstat("/etc/passwd");
      assert.ok(typeof secret !== "number");
      assert.deepEqual([secret.uid, secret.gid], [0, 0], name);
      // The text is in no file that rotation has made: group adm reads those.
      for (const file of it.kernel.readdir("/var/log/web") as string[]) {
        const stat = it.kernel.lstat(`/var/log/web/${file}`);
        if (typeof stat !== "number" && (stat.mode & Mode.TypeMask) === Mode.Regular && stat.ino !== secret.ino)
          assert.notEqual(it.kernel.textOf(`/var/log/web/${file}`), SECRET, `${name}, in ${file}`);
      }
    }
  }
});

test("Rotation removes nothing through a directory that the service's user can replace", () => {
  const it = world(({ kernel }) => {
    kernel.put("/etc/service/web/log.conf", "LOG_FILE=/var/log/web/sub/passwd\n");
    kernel.put("/etc/passwd.1.gz.new", "kept");
    kernel.putLink("/var/log/web/sub", "/etc");
  });
  assert.equal(it.kernel.textOf("/etc/passwd.1.gz.new"), "kept");
  assert.equal(it.kernel.textOf("/etc/passwd"), SECRET);
  assert.match(it.container, /"\/var\/log\/web\/sub" is a link in a directory that others may write/);
});
