import { deepEqual, equal, match, notEqual, ok } from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { type CommandOptions, type CommandResult, run } from "../../host/command.ts";
import { type Container, startContainer } from "../../host/engines/container.ts";
import type { HostEngine } from "../../host/engines/host-engine.ts";
import { BASE_IMAGE, buildBaseImage } from "../../image/build.ts";
import { shows } from "../../image/test/shows.ts";
import { openTerminal, type Terminal } from "../../image/test/terminal.ts";
import { eventually } from "../../runtime/test/harness/deadline.ts";
import { buildCli } from "../../tools/build-cli.ts";
import { openEngine } from "../../tools/containers/open-engine.ts";
import { openPodman } from "../../tools/containers/podman.ts";
import { needDebianPackages } from "../../tools/debian.ts";

const SETUP_LIMIT_MS = 20 * 60_000;
const TEST_LIMIT_MS = 5 * 60_000;

/** Boots with sshd enabled and the insecure key allowed. */
const WITH_SSH = ["sh", "-c", "rm -f /etc/service/sshd/down; exec /sbin/my_init --enable-insecure-key"];

interface Opened {
  readonly engine: HostEngine;
  readonly close: () => Promise<void>;
}

/** The engine that the other suites use, and Podman. */
const engines: Readonly<Record<string, () => Promise<Opened>>> = {
  "the engine at hand": openEngine,
  Podman: async () => {
    const engine = await openPodman();
    return { engine, close: async () => {} };
  },
};

for (const [kind, open] of Object.entries(engines)) {
  describe(`the host tools with ${kind}`, { timeout: 2 * SETUP_LIMIT_MS }, () => {
    const containers: Container[] = [];
    const directory = mkdtempSync(join(tmpdir(), "shipshape-cli-"));
    const scratch = `shipshape/scratch:${process.pid}`;
    let opened: Opened;
    let web: Container;

    before(
      async () => {
        await needDebianPackages(["openssh-client"]);
        await buildCli(directory);
        opened = await open();
        await buildBaseImage(opened.engine);
        web = await start("-e", "GIVEN=it's given", BASE_IMAGE, ...WITH_SSH);
        await shows(web, "Server listening");
      },
      { timeout: SETUP_LIMIT_MS },
    );
    after(async () => {
      await Promise.all(containers.map((container) => container.remove()));
      await opened.engine.run(["rmi", "--force", scratch]);
      await opened.close();
      rmSync(directory, { recursive: true });
    });

    async function start(...args: readonly string[]): Promise<Container> {
      const container = await startContainer(opened.engine, args);
      containers.push(container);
      return container;
    }
    /** Runs one of the tools: `docker-bash`, `docker-ssh`, `shipshape`. */
    function tool(name: string, args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
      const env = { ...opened.engine.env, ...options.env };
      return run(join(directory, name), args, { timeoutMs: TEST_LIMIT_MS, ...options, env });
    }
    function terminal(name: string, ...args: readonly string[]): Terminal {
      return openTerminal([join(directory, name), ...args], opened.engine.env);
    }
    const docker = (): string => opened.engine.program;
    const limited = (title: string, body: () => Promise<void>): void => {
      test(title, { timeout: TEST_LIMIT_MS }, body);
    };

    for (const name of ["docker-bash", "docker-ssh"]) {
      limited(`A101 ${name} returns the command's exit code`, async () => {
        for (const code of [0, 1, 7, 126, 200, 255]) {
          equal(
            (await tool(name, [web.name, "sh", "-c", name === "docker-ssh" ? `'exit ${code}'` : `exit ${code}`])).code,
            code,
          );
        }
      });

      limited(`A101 ${name} passes standard input and both outputs on, byte by byte`, async () => {
        const input = randomBytes(3_000_000);
        const sum = createHash("sha256").update(input).digest("hex");
        match((await tool(name, [web.name, "sha256sum"], { input })).stdout, new RegExp(`^${sum} `));
        const streams = await tool(name, [web.name, "ls", "/etc/hostname", "/no-such-file"]);
        equal(streams.stdout, "/etc/hostname\n");
        match(streams.stderr, /^ls: .*no-such-file/);
      });

      limited(`A101 ${name} opens a shell on a terminal, and its exit code passes`, async () => {
        const shell = terminal(name, web.name);
        try {
          await shell.sees("# ");
          shell.type('tty; echo "sees $GIVEN"\r');
          await shell.sees("/dev/pts/");
          await shell.sees("sees it's given");
          shell.type("sleep 100\r");
          // pid (name) state parent group session terminal foreground-group
          await eventually("sleep runs in the foreground", async () => {
            const { stdout } = await web.exec(["sh", "-c", "cat /proc/[0-9]*/stat"]);
            return /^\d+ \(sleep\) S \d+ (\d+) \d+ \d+ \1 /m.test(stdout);
          });
          shell.type("\x03");
          await shell.sees("# ");
          shell.type("exit 9\r");
          equal(await shell.exitCode, 9, shell.screen());
        } finally {
          shell.close();
        }
      });

      limited(`A101 ${name} shows the command the container's variables`, async () => {
        const { stdout } = await tool(name, [web.name, "printenv", "GIVEN"]);
        equal(stdout, "it's given\n");
      });

      limited(`A101 ${name} takes a part of the id for a container`, async () => {
        const id = (await web.inspect("{{.Id}}")).slice(0, 12);
        equal((await tool(name, [id, "echo", "here"])).stdout, "here\n");
      });

      limited(`A101 ${name} says what is wrong when there is no such container, or it does not run`, async () => {
        const failed = name === "docker-ssh" ? 255 : 125;
        const nobody = await tool(name, ["no-such-container", "true"]);
        equal(nobody.code, failed);
        match(nobody.stderr, new RegExp(`^${name}: cannot .*: no container "no-such-container" in ${docker()}; `));
        const ended = await start(BASE_IMAGE, "sh", "-c", "exit 3");
        await ended.wait();
        const late = await tool(name, [ended.name, "true"]);
        equal(late.code, failed);
        match(late.stderr, new RegExp(`the container does not run: it has ended with exit code 3; ${docker()} start`));
        const paused = await start(BASE_IMAGE);
        await opened.engine.runOrThrow("pause it", ["pause", paused.name]);
        const frozen = await tool(name, [paused.name, "true"]);
        await opened.engine.run(["unpause", paused.name]);
        equal(frozen.code, failed);
        match(frozen.stderr, new RegExp(`the container is paused; ${docker()} unpause ${paused.name}\n$`));
      });

      limited(`A101 ${name} says when there is no engine`, async () => {
        const env = { PATH: programs(directory, "node", "ssh"), SHIPSHAPE_ENGINE: "" };
        const { stderr } = await tool(name, [web.name, "true"], { env });
        match(stderr, /^docker-(bash|ssh): cannot .*: neither docker nor podman is installed here, or not in PATH\n$/);
      });
    }

    limited("A101 docker-bash keeps the words of the command, and shipshape bash is the same", async () => {
      const words = ["printf", "<%s>", "two words", "it's", "$HOME", "", "*"];
      const expected = "<two words><it's><$HOME><><*>";
      equal((await tool("docker-bash", [web.name, ...words])).stdout, expected);
      equal((await tool("shipshape", ["bash", web.name, ...words])).stdout, expected);
    });

    limited("A101 docker-bash runs as the container's user, or as another", async () => {
      const user = await start("--user", "daemon", BASE_IMAGE);
      equal((await tool("docker-bash", [user.name, "id", "-un"])).stdout, "daemon\n");
      equal((await tool("docker-bash", ["-u", "root", user.name, "id", "-un"])).stdout, "root\n");
      const unknown = await tool("docker-bash", ["-u", "nobody-knows", web.name, "true"]);
      equal(unknown.code, 125);
      match(unknown.stderr, /exec says: .*nobody-knows/);
    });

    limited("A101 docker-bash gives 127 for a command that is not there", async () => {
      const { code, stderr } = await tool("docker-bash", [web.name, "no-such-command"]);
      equal(code, 127);
      match(stderr, /no-such-command: not found/);
    });

    limited("A101 docker-bash in an image without a shell runs commands, and says that there is no shell", async () => {
      const binary = await web.exec(["base64", "/usr/sbin/shipshape"], {});
      const tar = await run(
        "sh",
        [
          "-c",
          'mkdir -p "$0/sbin" && base64 -d >"$0/sbin/my_init" && chmod 755 "$0/sbin/my_init" && tar -C "$0" -cf "$0.tar" sbin',
          join(directory, "root"),
        ],
        { input: binary.stdout },
      );
      equal(tar.code, 0, tar.stderr);
      await opened.engine.runOrThrow("import it", ["import", join(directory, "root.tar"), scratch]);
      const bare = await start(scratch, "/sbin/my_init");
      const help = await tool("docker-bash", [bare.name, "/sbin/my_init", "--help"]);
      deepEqual(
        [help.code, help.stdout.split("\n")[0]],
        [0, "usage: my_init [options] [--] [MAIN_COMMAND ...]"],
        help.stderr,
      );
      const shell = await tool("docker-bash", [bare.name]);
      equal(shell.code, 125);
      match(shell.stderr, /^docker-bash: cannot open a shell in \S+: there is no sh in its image; /);
      const ssh = await tool("docker-ssh", [bare.name]);
      equal(ssh.code, 255);
      match(ssh.stderr, /^docker-ssh: cannot log in to \S+ by SSH: there is no sshd in its image: /);
    });

    limited("A101 docker-ssh reaches a container without any network, and one on a network of its own", async () => {
      const none = await start("--network", "none", BASE_IMAGE, ...WITH_SSH);
      await shows(none, "Server listening");
      equal((await tool("docker-ssh", [none.name, "exit 11"])).code, 11);
      const network = `shipshape-test-${process.pid}`;
      await opened.engine.runOrThrow("make a network", ["network", "create", network]);
      try {
        const own = await start("--network", network, BASE_IMAGE, ...WITH_SSH);
        await shows(own, "Server listening");
        equal((await tool("docker-ssh", [own.name, "exit 12"])).code, 12);
        await own.remove();
      } finally {
        await opened.engine.run(["network", "rm", network]);
      }
    });

    limited("A101 docker-ssh joins the words of the command, as ssh does, and shipshape ssh is the same", async () => {
      equal((await tool("docker-ssh", [web.name, "echo $((6 *", "7)); true"])).stdout, "42\n");
      equal((await tool("shipshape", ["ssh", web.name, "echo", "'two  words'"])).stdout, "two  words\n");
    });

    limited("A101 docker-ssh keeps the insecure key to itself, and leaves nothing behind", async () => {
      const place = mkdtempSync(join(directory, "tmp-"));
      const abort = new AbortController();
      const login = tool("docker-ssh", [web.name, "sleep 1000"], { env: { TMPDIR: place }, signal: abort.signal });
      const made = await eventually("the key is there", () => readdirSync(place)[0]);
      await eventually("ssh runs in the container", async () =>
        /^sleep$/m.test((await web.exec(["sh", "-c", "cat /proc/[0-9]*/comm"])).stdout),
      );
      equal(statSync(join(place, made)).mode & 0o777, 0o700);
      equal(statSync(join(place, made, "key")).mode & 0o777, 0o600);
      // By SIGTERM, to it and to its ssh.
      abort.abort();
      notEqual((await login).code, 0);
      deepEqual(readdirSync(place), []);
      await eventually("its sshd has ended, and only the listening one is left", async () => {
        const { stdout } = await web.exec(["sh", "-c", "cat /proc/[0-9]*/comm"]);
        return stdout.match(/^sshd.*$/gm)?.length === 1;
      });
    });

    limited("A101 docker-ssh takes a user and a key of one's own", async () => {
      const key = join(directory, "own-key");
      rmSync(key, { force: true });
      const made = await run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", key]);
      equal(made.code, 0, made.stderr);
      const pub = (await run("cat", [`${key}.pub`])).stdout;
      const add =
        "useradd -m app; install -d -m 700 -o app ~app/.ssh; cat >~app/.ssh/authorized_keys; chown app ~app/.ssh/authorized_keys";
      equal((await web.exec(["bash", "-c", add], { input: pub })).code, 0);
      const own = await tool("docker-ssh", ["-l", "app", "-i", key, "-o", "LogLevel=QUIET", web.name, "id -un"]);
      equal(own.stdout, "app\n", own.stderr);
      const insecure = await tool("docker-ssh", ["-l", "app", web.name, "id -un"]);
      equal(insecure.code, 255);
      match(
        insecure.stderr,
        /the insecure key is not enabled for app in it: \S+ exec --user app \S+ enable_insecure_key; /,
      );
      match(
        (await tool("docker-ssh", ["-l", "nobody-knows", web.name])).stderr,
        /: there is no user nobody-knows in it\n$/,
      );
    });

    limited("A101 docker-ssh does not trust another host key than the container's", async () => {
      const other = await start(BASE_IMAGE, ...WITH_SSH);
      await shows(other, "Server listening");
      const swap = "for file in /etc/ssh/ssh_host_*_key.pub; do cp /etc/insecure_key.pub $file; done";
      equal((await other.exec(["sh", "-c", swap])).code, 0);
      const { code, stderr } = await tool("docker-ssh", [other.name, "true"]);
      equal(code, 255);
      match(stderr, /Host key verification failed|IDENTIFICATION HAS CHANGED/);
    });

    limited("A101 docker-ssh says that sshd is down, fails, is not set up, or not there", async () => {
      const plain = await start(BASE_IMAGE);
      await eventually("it is up", async () => (await plain.exec(["sv", "status", "sshd"])).code === 0);
      const down = await tool("docker-ssh", [plain.name]);
      equal(down.code, 255);
      const advice = `for this container: ${docker()} exec ${plain.name} sv up sshd; for its image: RUN rm -f /etc/service/sshd/down`;
      ok(down.stderr.includes(`: sshd is down in it; ${advice}\n`), down.stderr);
      // Host keys that take their time at the first start.
      const slow = "sed -i '1a sleep 1' /etc/my_init.d/00_regen_ssh_host_keys.sh; sv up sshd";
      equal((await plain.exec(["sh", "-c", slow])).code, 0);
      match(
        (await tool("docker-ssh", [plain.name])).stderr,
        /the insecure key is not enabled for root in it: .* enable_insecure_key; /,
      );
      equal((await plain.exec(["enable_insecure_key"])).code, 0);
      equal((await tool("docker-ssh", [plain.name, "exit 5"])).code, 5, "the advice that it gave does not help");
      equal((await plain.exec(["sh", "-c", "echo Frob yes >/etc/ssh/sshd_config.d/x.conf"])).code, 0);
      match((await tool("docker-ssh", [plain.name])).stderr, /its sshd refuses to work: .*Frob/);
      const broken =
        "rm /etc/ssh/sshd_config.d/x.conf; printf '#!/bin/sh\\nexit 3\\n' >/etc/service/sshd/run; sv term sshd";
      equal((await plain.exec(["sh", "-c", broken])).code, 0);
      const failing = /its sshd does not stay up: exited with status 3 .*; \S+ logs \S+ tells why\n$/;
      await eventually("its failure is told", async () =>
        failing.test((await tool("docker-ssh", [plain.name])).stderr),
      );
      equal((await plain.exec(["rm", "/usr/sbin/sshd"])).code, 0);
      match(
        (await tool("docker-ssh", [plain.name])).stderr,
        /there is no sshd in its image: build it FROM shipshape\/baseimage, not :small; docker-bash \S+ works without one\n$/,
      );
    });
  });
}

/** A directory for PATH that has these programs of this machine and no others. */
function programs(directory: string, ...names: readonly string[]): string {
  const path = mkdtempSync(join(directory, "path-"));
  const places = (process.env.PATH ?? "").split(":");
  for (const name of names) {
    const place = places.find((folder) => existsSync(join(folder, name)));
    symlinkSync(join(place ?? "", name), join(path, name));
  }
  return path;
}
