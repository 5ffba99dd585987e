import { deepEqual, equal, match, ok } from "node:assert/strict";
import { describe, test } from "node:test";
import { type Container, runContainer } from "../../host/engines/container.ts";
import { eventually } from "../../runtime/test/harness/deadline.ts";
import { assertOrder } from "../../runtime/test/harness/fixtures.ts";
import { script } from "../../runtime/test/harness/rootfs.ts";
import { needDebianPackages } from "../../tools/debian.ts";
import { BASE_IMAGE } from "../build.ts";
import { beat, furnished, services, TERM_AT_ONCE, TERM_BEFORE } from "./fixture.ts";
import { SETUP_LIMIT_MS, setUp } from "./setup.ts";
import { shows } from "./shows.ts";
import { stopSoon } from "./stops.ts";
import { openTerminal } from "./terminal.ts";

const TEST_LIMIT_MS = 5 * 60_000;
/** A clean stop with services that end at once; most of it is the engine's own time. */
const STOP_LIMIT_MS = 2000;

describe("the base image in a container", { timeout: 2 * SETUP_LIMIT_MS }, () => {
  const setup = setUp();

  /** A container that has shown every one of `texts` in its log. */
  async function started(args: readonly string[], ...texts: readonly string[]): Promise<Container> {
    const container = await setup.start(args);
    await shows(container, ...texts);
    return container;
  }

  const run = (...args: readonly string[]): ReturnType<typeof runContainer> => runContainer(setup.engine, args);

  limited("A10 A40 boots and stops in order, and docker logs has it all", async () => {
    const container = await started([await setup.image(furnished)], "one: up", "two: up");
    const { exitCode } = await stopSoon(setup.engine, container, STOP_LIMIT_MS);
    equal(exitCode, 0);
    const logs = await container.logs();
    assertOrder(logs, [
      "startup file",
      "one: up",
      "hook: before the services",
      "one: got TERM",
      "hook: after the services",
    ]);
    assertOrder(logs, ["two: up", "hook: before the services", "two: got TERM", "hook: after the services"]);
    match(logs, /^\*\*\* Running \/etc\/my_init\.d\/10_hello\.\.\.$/m);
  });

  limited("A20 the main command's exit code is the container's", async () => {
    for (const code of [0, 1, 42, 255]) {
      equal((await run(BASE_IMAGE, "/sbin/my_init", "--", "sh", "-c", `exit ${code}`)).code, code);
    }
  });

  limited("A15 a main command that is not there gives 127, one that may not be executed 126", async () => {
    const missing = await run(BASE_IMAGE, "/sbin/my_init", "--", "no-such-command");
    equal(missing.code, 127);
    match(missing.stderr, /^\*\*\* cannot run no-such-command: /m);
    const denied = await run(BASE_IMAGE, "/sbin/my_init", "--", "/etc/passwd");
    equal(denied.code, 126);
    match(denied.stderr, /^\*\*\* cannot run \/etc\/passwd: .*chmod \+x/m);
  });

  limited("A21 a main command killed for want of memory gives 137 and says so", async () => {
    const memory = ["--memory", "40m", "--memory-swap", "40m"];
    const { code, stderr } = await run(...memory, BASE_IMAGE, "/sbin/my_init", "--", "tail", "/dev/zero");
    equal(code, 137);
    match(stderr, /^\*\*\* .*tail was killed by SIGKILL.*memory.*: status 137\.$/m);
  });

  limited("A22 a stop with a main command gives that command's own status", async () => {
    const main = "trap 'echo main: got TERM; exit 7' TERM; echo main: up; while :; do sleep 1000 & wait $!; done";
    const container = await started([BASE_IMAGE, "/sbin/my_init", "--", "sh", "-c", main], "main: up");
    equal((await container.stop()).exitCode, 7);
    match(await container.logs(), /^main: got TERM$/m);
  });

  limited("A22 TERM that is there before the first instruction, or comes soon after it, is a clean stop", async () => {
    const image = await setup.image(furnished);
    for (const command of [
      ["perl", "-MPOSIX", "-e", TERM_BEFORE],
      ...[0, 1000, 3000].map((waitUs) => ["bash", "-c", TERM_AT_ONCE, String(waitUs)]),
    ]) {
      const { code, stdout, stderr } = await run(image, ...command);
      // 143: it came before the services, and ended the startup (A32).
      ok(code === 0 || code === 143, `exit code ${code} of ${command.join(" ")}; it wrote:\n${stdout}${stderr}`);
    }
  });

  limited(
    "A34 a shell on a terminal has job control, Ctrl-C does not stop the container, and its exit code passes",
    async () => {
      const image = await setup.image(furnished);
      const name = `shipshape-terminal-${process.pid}`;
      const command = ["run", "--rm", "-it", "--name", name, image, "/sbin/my_init", "--", "bash", "-l"];
      // pid (name) state parent group session terminal foreground-group
      const foreground = /^\d+ \(sleep\) S \d+ (\d+) \d+ \d+ \1 /m;
      const sleepIsForeground = (): Promise<unknown> =>
        eventually("sleep runs in the foreground", async () => {
          const { stdout } = await setup.engine.run(["exec", name, "sh", "-c", "cat /proc/[0-9]*/stat"]);
          return foreground.test(stdout);
        });
      const terminal = openTerminal([setup.engine.program, ...command], setup.engine.env);
      try {
        await terminal.sees("# ");
        terminal.type("\x03");
        await terminal.sees("# ");
        terminal.type("echo still-$((6 * 7))\r");
        await terminal.sees("still-42");
        terminal.type("sleep 1000\r");
        await terminal.sees("sleep 1000");
        await sleepIsForeground();
        terminal.type("\x1a");
        await terminal.sees("Stopped");
        terminal.type("fg\r");
        await sleepIsForeground();
        terminal.type("\x03");
        await terminal.sees("# ");
        terminal.type("echo status-$?\r");
        await terminal.sees("status-130");
        terminal.type("exit 7\r");
        equal(await terminal.exitCode, 7, terminal.screen());
      } finally {
        terminal.close();
        await setup.engine.run(["rm", "--force", name]);
      }
    },
  );

  limited("A50 under --init it reaps and stops as it does as PID 1", async () => {
    // Docker's package has its init, Podman's only recommends one.
    if (setup.engine.program === "podman") await needDebianPackages(["catatonit"]);
    const orphans = "for i in 1 2 3 4 5; do sleep 0.2 & done";
    const image = await setup.image({ ...furnished, "/etc/my_init.d/20_orphans": script(orphans) });
    const container = await started(["--init", image], "one: up", "two: up");
    const names = await container.exec(["sh", "-c", "cat /proc/[0-9]*/stat"]);
    ok(!/^1 \(my_init\)/m.test(names.stdout), `my_init is PID 1 in spite of --init:\n${names.stdout}`);
    await eventually("the orphans are gone", async () => {
      const { stdout } = await container.exec(["sh", "-c", "cat /proc/[0-9]*/stat 2>/dev/null; true"]);
      return !/ \(sleep\) Z /.test(stdout) && stdout.match(/ \(sleep\) /g)?.length === 2;
    });
    const { exitCode } = await container.stop();
    equal(exitCode, 0);
    match(await container.logs(), /^one: got TERM$/m);
  });

  limited(
    "A61 A64 the environment of docker run and of startup files reaches services, exec and login shells",
    async () => {
      const show = { run: 'echo "service sees $GIVEN, $ADDED"\nexec sleep 1000' };
      const adds = script('echo "from the startup file" >/etc/container_environment/ADDED');
      const image = await setup.image({ "/etc/my_init.d/10_environment": adds, ...services({ show }) });
      const container = await started(
        ["-e", "GIVEN=it's given", image],
        "service sees it's given, from the startup file",
      );
      const login = await container.exec(["bash", "-lc", 'echo "$GIVEN, $ADDED"']);
      equal(login.stdout, "it's given, from the startup file\n");
    },
  );

  limited("A66 with --read-only and a tmpfs it boots, serves sv and stops", async () => {
    const image = await setup.image(furnished);
    const container = await started(["--read-only", "--tmpfs", "/run", "--tmpfs", "/tmp", image], "one: up", "two: up");
    match((await container.exec(["sv", "status", "one"])).stdout, /^run: one: \(pid \d+\) \d+s$/m);
    equal((await container.stop()).exitCode, 0);
    match(await container.logs(), /^one: got TERM$/m);
  });

  limited("A66 with --read-only and nothing else it boots, serves sv and stops", async () => {
    const container = await started(["--read-only", await setup.image(furnished)], "one: up", "two: up");
    match((await container.exec(["sv", "status", "one"])).stdout, /^run: one: \(pid \d+\) \d+s$/m);
    equal((await container.stop()).exitCode, 0);
    match(await container.logs(), /^one: got TERM$/m);
  });

  limited("A66 with --user 1000 it boots, serves sv to that user and stops", async () => {
    const container = await started(["--user", "1000", await setup.image(furnished)], "one: up", "two: up");
    match((await container.exec(["sv", "status", "one"])).stdout, /^run: one: \(pid \d+\) \d+s$/m);
    equal((await container.exec(["id", "-u"])).stdout, "1000\n");
    equal((await container.stop()).exitCode, 0);
    match(await container.logs(), /^one: got TERM$/m);
  });

  limited("A66 with --cap-drop ALL it boots, serves sv and stops", async () => {
    const container = await started(["--cap-drop", "ALL", await setup.image(furnished)], "one: up", "two: up");
    match((await container.exec(["sv", "status", "one"])).stdout, /^run: one: \(pid \d+\) \d+s$/m);
    equal((await container.stop()).exitCode, 0);
    match(await container.logs(), /^one: got TERM$/m);
  });

  limited("A82 sv works through docker exec, and its exit code counts the failures", async () => {
    const container = await started([await setup.image(furnished)], "one: up", "two: up");
    const sv = (...words: readonly string[]): ReturnType<Container["exec"]> => container.exec(["sv", ...words]);
    const status = await sv("status", "one", "/etc/service/two");
    equal(status.code, 0);
    match(status.stdout, /^run: one: \(pid \d+\) \d+s\nrun: \/etc\/service\/two: \(pid \d+\) \d+s\n$/);
    match((await sv("down", "one")).stdout, /^$/);
    await eventually("one is down", async () =>
      /^down: one: \d+s, normally up$/m.test((await sv("status", "one")).stdout),
    );
    match((await sv("start", "one")).stdout, /^ok: run: one: \(pid \d+\) \d+s$/m);
    const failed = await sv("status", "one", "no-such-service", "nor-this");
    equal(failed.code, 2);
    match(failed.stdout + failed.stderr, /^fail: no-such-service: /m);
  });

  limited("A85 a service that cannot start is named with the cause, and the others run", async () => {
    const broken = { empty: "", crlf: "#!/bin/sh\r\nexec sleep 1000\r\n", lost: "#!/bin/zsh\nexec sleep 1000\n" };
    const files = Object.entries(broken).map(([name, content]) => [
      `/etc/service/${name}/run`,
      { content, mode: 0o755 },
    ]);
    const plain = { "/etc/service/plain/run": "#!/bin/sh\nexec sleep 1000\n" };
    const container = await started(
      [await setup.image({ ...furnished, ...Object.fromEntries(files), ...plain })],
      "one: up",
    );
    const reasons = {
      empty: /^\*\*\* .*service empty: .*is empty/m,
      crlf: /^\*\*\* .*service crlf: .*has Windows line ends/m,
      lost: /^\*\*\* .*service lost: .*its interpreter "\/bin\/zsh" does not exist/m,
      plain: /^\*\*\* .*service plain: .*is not executable: chmod \+x \/etc\/service\/plain\/run/m,
    };
    await shows(container, ...Object.values(reasons));
    equal((await container.stop()).exitCode, 0);
  });

  limited("A12 a startup file with Windows line ends fails the boot and is named with the cause", async () => {
    const crlf = { content: "#!/bin/sh\r\ntrue\r\n", mode: 0o755 };
    const { code, stdout, stderr } = await run(await setup.image({ ...furnished, "/etc/my_init.d/05_crlf": crlf }));
    equal(code, 1);
    match(stderr, /^\*\*\* cannot run \/etc\/my_init\.d\/05_crlf: has Windows line ends/m);
    ok(!stdout.includes("one: up"), "services started in spite of it");
  });

  limited("A43 a service that ignores TERM is killed within the grace of docker stop, and named", async () => {
    const deaf = { run: "trap '' TERM\necho 'deaf: up'\nwhile :; do sleep 1; done" };
    const image = await setup.image({ ...furnished, ...services({ deaf, one: beat("one") }) });
    const container = await started([image], "deaf: up", "one: up");
    const { exitCode } = await stopSoon(setup.engine, container, 10_000);
    equal(exitCode, 1);
    const logs = await container.logs();
    match(logs, /^one: got TERM$/m);
    match(logs, /^hook: after the services$/m);
    match(logs, /^\*\*\* .*killed: .*deaf/m);
  });

  limited("A100 a command without my_init runs as it is", async () => {
    const { code, stdout } = await run(BASE_IMAGE, "cat", "/proc/1/comm");
    deepEqual([code, stdout], [0, "cat\n"]);
  });
});

function limited(title: string, body: () => Promise<void>): void {
  test(title, { timeout: TEST_LIMIT_MS }, body);
}
