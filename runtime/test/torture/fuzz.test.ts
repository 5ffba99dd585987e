import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { COMMANDS } from "../../../lib/control/protocol.ts";
import { COMMAND_WORDS } from "../../src/sv/verbs.ts";
import { type BootOptions, boot } from "../harness/container.ts";
import { eventually } from "../harness/deadline.ts";
import { waiting } from "../harness/fixtures.ts";
import { fuzz } from "../harness/fuzz.ts";
import { assertWell, TORTURE, vitals } from "../harness/health.ts";
import { Random } from "../harness/random.ts";
import type { FileSpec } from "../harness/rootfs.ts";
import { script } from "../harness/rootfs.ts";

const CONTROL = "/run/shipshape/control";
const VERBS = ["status", "why", "wait", "list", ...COMMANDS];
const TARGETS = [
  "s",
  "s/log",
  "t",
  "t/log",
  "/etc/service/s",
  "/etc/service/t/log",
  "nosuch",
  "",
  "/",
  "..",
  "s/../t",
  "s/log/log",
  "s ",
  "\0",
  "x".repeat(5000),
];
const NUMBERS = ["0", "1", "-1", "99999999999999999999", "NaN", "1e9", "", "0x10"];

/** One message for the control socket: a sound request, a damaged one, or noise. */
function message(random: Random): Buffer {
  const verb = random.of(VERBS);
  const numbers = verb === "wait" ? ` ${random.of(NUMBERS)} ${random.of(["0", "1", "50", ...NUMBERS])}` : "";
  const request = Buffer.from(`${verb}${numbers} ${random.of(TARGETS)}\n`, "latin1");
  switch (random.below(5)) {
    case 0:
      return random.bytes(200);
    case 1: {
      const damaged = Buffer.from(request);
      damaged[random.below(damaged.length)] = random.below(256);
      return damaged;
    }
    case 2:
      return request.subarray(0, random.below(request.length));
    case 3:
      return Buffer.concat([request, request, request]);
    default:
      return request;
  }
}

/** A connection to the control socket. A full queue of clients refuses one that does not wait; it comes again. */
function opened(path: string): Promise<Socket> {
  return eventually("the init takes another client", async () => {
    const socket = connect(path);
    try {
      await once(socket, "connect");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "EAGAIN") return false;
      throw error;
    }
    socket.on("error", () => undefined);
    socket.resume();
    return socket;
  });
}

fuzz("A82 random bytes on the control socket", async (random) => {
  await using box = await boot({
    services: {
      s: { run: waiting({}, "s-ready"), log: "exec cat >/dev/null" },
      t: { run: "exec sleep 1000", log: "exec cat >/dev/null" },
      keep: { run: waiting({}, "keep-ready") },
    },
    env: { SERVICE_BACKOFF: "10ms", SERVICE_BACKOFF_MAX: "10ms" },
  });
  await box.sees("keep-ready");
  const before = await vitals(box, "keep");
  for (let i = 0; i < 400 * TORTURE; i++) {
    const socket = await opened(box.path(CONTROL));
    for (let n = random.below(8); n >= 0; n--) socket.write(message(random));
    if (random.oneIn(3)) socket.destroy();
    else socket.end();
  }
  for (const name of ["s", "s/log", "t", "t/log"]) await box.sv("up", name);
  await eventually("t runs", async () => /^run: t: .*run: log/.test(await box.sv("status", "t")));
  await assertWell(box, before, "keep");
  assert.equal(box.output.count("keep-ready"), 1);
  assert.equal(box.output.count("fault"), 0);
});

fuzz("A82 clients that stay, never read or never finish a line do not shut out sv for long", async (random) => {
  await using box = await boot({ services: { keep: { run: waiting() } } });
  await box.sees("ready");
  const before = await vitals(box, "keep");
  const sockets: Socket[] = [];
  for (let i = 0; i < 200; i++) {
    const socket = await opened(box.path(CONTROL));
    if (random.oneIn(2)) socket.pause();
    socket.write(
      random.of(["status keep", "status keep\n".repeat(2000), "wait 999999 3600000 keep\n", "\n".repeat(1000), ""]),
    );
    sockets.push(socket);
  }
  assert.match(await box.sv("status", "keep"), /^run: keep: /);
  for (const socket of sockets) socket.destroy();
  await assertWell(box, before, "keep");
});

fuzz("A82 more clients than the init takes are refused, and it is well when they have gone", async () => {
  await using box = await boot({ services: { keep: { run: waiting() } } });
  await box.sees("ready");
  const before = await vitals(box, "keep");
  const sockets = await Promise.all(Array.from({ length: 400 }, () => opened(box.path(CONTROL))));
  for (const socket of sockets) socket.destroy();
  await assertWell(box, before, "keep");
});

/** A variable's name that a file can have and an environment can hold. */
function variableName(random: Random): string {
  const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz0123456789";
  const strange = `${letters}-. $'"\\*?;&|<>()[]{}~!#%^+,:@\t\x01\x7f`;
  const alphabet = random.oneIn(3) ? strange : letters;
  return `V${Array.from({ length: random.below(12) }, () => alphabet[random.below(alphabet.length)]).join("")}`;
}

for (let round = 0; round < 12 * TORTURE; round++) {
  fuzz(`A66 random environment directory, round ${round}`, async (seeded) => {
    const random = new Random(seeded.seed + round);
    const values = new Map<string, Buffer>();
    for (let i = 0; i < 40; i++) {
      const value = random.bytes(random.of([4, 40, 3000])).filter((byte) => byte !== 0);
      values.set(variableName(random), Buffer.from(value));
    }
    const odd: Record<string, FileSpec> = {};
    for (const kind of ["=", "a=b", ".hidden-dir", "..2026"]) {
      odd[`/etc/container_environment/${kind}`] = random.of<FileSpec>([
        { directory: true },
        { link: random.of(["/", "/nowhere", "."]) },
        Buffer.from("a\0b"),
      ]);
    }
    await using box = await boot({
      args: ["--", "cp", "/proc/self/environ", "/tmp/environ"],
      files: odd,
      environment: Object.fromEntries(
        [...values].map(([name, value]) => [name, Buffer.concat([value, Buffer.from("\n")])]),
      ),
      startup: random.oneIn(2) ? { "10_a": "true" } : {},
    });
    assert.equal((await box.ended()).code, 0);
    const got = new Map(
      box
        .readBytes("/tmp/environ")
        .toString("latin1")
        .split("\0")
        .filter((entry) => entry.startsWith("V"))
        .map((entry) => [entry.slice(0, entry.indexOf("=")), entry.slice(entry.indexOf("=") + 1)]),
    );
    const wanted = new Map([...values].map(([name, value]) => [name, value.toString("latin1")]));
    assert.deepEqual([...got].sort(), [...wanted].sort());
    await using shell = await boot({
      command: ["sleep", "1000"],
      files: { "/tmp/dump": box.readBytes("/etc/container_environment.sh") },
    });
    for (const program of ["dash", "bash"]) {
      const { code, stderr } = await shell.exec([program, "-c", "set -eu; . /tmp/dump; env -0 >/tmp/out"]);
      assert.equal(stderr, "");
      assert.equal(code, 0);
      const sourced = shell
        .readBytes("/tmp/out")
        .toString("latin1")
        .split("\0")
        .filter((entry) => entry.startsWith("V"));
      const names = [...wanted.keys()].filter((name) => /^[A-Za-z0-9_]+$/.test(name));
      assert.deepEqual(sourced.sort(), names.map((name) => `${name}=${wanted.get(name)}`).sort(), program);
    }
    JSON.parse(box.read("/etc/container_environment.json"));
  });
}

/** Things that people and accidents put into a service directory. */
function serviceDirectory(random: Random): Record<string, FileSpec> {
  const file = (): FileSpec =>
    random.of<FileSpec>([
      script("exec sleep 1000"),
      script("exec sleep 1000"),
      script("exit 0"),
      script("exit 111"),
      script("kill -9 $$"),
      script("trap '' TERM; exec sleep 1000"),
      { content: random.bytes(100), mode: 0o755 },
      { content: "#!/bin/sh\n", mode: 0o644 },
      { content: `#!${"x".repeat(random.below(300))}\n`, mode: 0o755 },
      { directory: true },
      { link: random.of(["/nowhere", "run", "/dev/null", "/etc/service", "/bin/true"]) },
      "",
    ]);
  const directory: Record<string, FileSpec> = {};
  if (!random.oneIn(10)) directory.run = file();
  if (random.oneIn(3)) directory.finish = file();
  if (random.oneIn(3)) directory.log = random.of<FileSpec>([{ directory: true }, "", { link: "." }]);
  if (random.oneIn(3) && (directory.log as { directory?: boolean } | undefined)?.directory)
    directory["log/run"] = file();
  if (random.oneIn(4)) directory.check = file();
  if (random.oneIn(6)) directory.down = file();
  if (random.oneIn(6))
    directory.user = random.of<FileSpec>(["app\n", "nosuch", random.bytes(50), { directory: true }, "1000:33"]);
  for (const letter of "utdxk") if (random.oneIn(10)) directory[`control/${letter}`] = file();
  return directory;
}

/** Services of a round, and requests about them: what fails is started all the time. */
const DIRECTORIES = TORTURE < 1 ? 15 : 40;

for (let round = 0; round < 8 * TORTURE; round++) {
  fuzz(`A80 random service directories, round ${round}`, async (seeded) => {
    const random = new Random(seeded.seed + round);
    const files: Record<string, FileSpec> = {};
    const names = Array.from(
      { length: DIRECTORIES },
      (_, i) => `${random.of(["s", "s p a c e", "ü", "-x", "s;rm"])}${i}`,
    );
    for (const name of names) {
      files[`/etc/service/${name}`] = { directory: true };
      for (const [path, file] of Object.entries(serviceDirectory(random))) files[`/etc/service/${name}/${path}`] = file;
    }
    const options: BootOptions = {
      services: { keep: { run: waiting({}, "keep-ready") } },
      files,
      env: { SERVICE_BACKOFF: "20ms", SERVICE_BACKOFF_MAX: "100ms", SHUTDOWN_TIMEOUT: "2" },
    };
    await using box = await boot(options);
    await box.sees("keep-ready");
    for (let i = 0; i < DIRECTORIES; i++) {
      const verb = random.of(COMMAND_WORDS);
      const name = random.of(names);
      const { code, stdout, stderr } = await box.exec([
        "sv",
        "-w0",
        verb,
        random.of([name, `${name}/log`, `/etc/service/${name}`]),
      ]);
      assert.ok(code === 0 || code === 1, `sv ${verb} ended with ${code}: ${stdout}${stderr}`);
    }
    assert.match(await box.sv("status", "keep"), /^run: keep: /);
    assert.equal(box.process(1)?.name, "my_init");
    await eventually("no zombie stays", () => box.zombies().length === 0);
    await box.stopSoon(6000);
    assert.equal(box.output.count("fault in the init"), 0);
    assert.equal(box.output.count("internal error"), 0);
  });
}
