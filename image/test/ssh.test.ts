import { deepEqual, equal, match, notEqual, ok } from "node:assert/strict";
import { describe, test } from "node:test";
import type { CommandResult } from "../../host/command.ts";
import { type Container, runContainer } from "../../host/engines/container.ts";
import { eventually } from "../../runtime/test/harness/deadline.ts";
import { BASE_IMAGE } from "../build.ts";
import { SETUP_LIMIT_MS, setUp } from "./setup.ts";
import { shows } from "./shows.ts";

const TEST_LIMIT_MS = 6 * 60_000;

const ENABLED = "RUN rm -f /etc/service/sshd/down";
const REGEN = "/etc/my_init.d/00_regen_ssh_host_keys.sh";
const INSECURE = ["/sbin/my_init", "--enable-insecure-key"];
const KEYS = "cat /etc/ssh/ssh_host_*_key.pub";
/** A login from inside the container, so that the tests need no way into its network. */
const SSH = "ssh -F none -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR";
const LOGIN = `${SSH} -i /etc/insecure_key`;

/** Every base that the image is made for and that needs no registry. */
const bases = [
  { from: "debian:13", image: `${BASE_IMAGE}:latest` },
  { from: "debian:12", image: `${BASE_IMAGE}:debian12` },
];

for (const { from, image } of bases) {
  describe(`sshd in the base image from ${from}`, { timeout: 2 * SETUP_LIMIT_MS }, () => {
    const setup = setUp({ from, tag: image });
    const limited = (title: string, body: () => Promise<void>): void => {
      test(title, { timeout: TEST_LIMIT_MS }, body);
    };
    /** Runs a shell script in an image, without my_init. */
    const shell = (text: string, of = image, ...options: readonly string[]): Promise<CommandResult> =>
      runContainer(setup.engine, [...options, of, "sh", "-c", text], { timeoutMs: TEST_LIMIT_MS });
    /** A container in which sshd listens. */
    const listening = async (...args: readonly string[]): Promise<Container> => {
      const container = await setup.start(args);
      await shows(container, "Server listening");
      return container;
    };

    limited("A99 sshd is off, and nothing of it is made, said or run", async () => {
      const container = await setup.start([image]);
      await eventually(
        "the services are read",
        async () => (await container.exec(["sv", "status", "sshd"])).code === 0,
      );
      match((await container.exec(["sv", "status", "sshd"])).stdout, /^down: sshd: \d+s\n$/);
      const { stdout } = await container.exec(["sh", "-c", `${KEYS} 2>&1; cat /root/.ssh/authorized_keys 2>&1`]);
      match(stdout, /^cat: .*ssh_host_.*No such file.*\ncat: .*authorized_keys.*No such file.*\n$/);
      ok(!/ssh|insecure/i.test((await container.logs()).replaceAll(REGEN, "")), await container.logs());
    });

    limited("A99 the paths that old Dockerfiles name are there", async () => {
      const executables = [REGEN, "/usr/sbin/enable_insecure_key", "/etc/service/sshd/run", "/usr/sbin/sshd"];
      const files = ["/etc/service/sshd/down", "/etc/insecure_key", "/etc/insecure_key.pub", "/etc/insecure_key.ppk"];
      const tests = [...executables.map((path) => `test -x ${path}`), ...files.map((path) => `test -f ${path}`)];
      const { code, stderr } = await shell(`set -ex; ${tests.join("; ")}; test -d /run/sshd; test -d /root/.ssh`);
      equal(code, 0, stderr);
    });

    limited("A99 enabled, it has host keys after the first boot and the same after the next", async () => {
      const container = await listening(await setup.image({}, ENABLED));
      const first = (await container.exec(["sh", "-c", KEYS])).stdout;
      deepEqual(first.match(/^\S+/gm), ["ecdsa-sha2-nistp256", "ssh-ed25519", "ssh-rsa"]);
      equal((await container.stop()).exitCode, 0);
      await setup.engine.runOrThrow("start it again", ["start", container.name]);
      await eventually("sshd runs again", async () =>
        /^run/.test((await container.exec(["sv", "status", "sshd"])).stdout),
      );
      equal((await container.exec(["sh", "-c", KEYS])).stdout, first);
      const other = await listening(await setup.image({}, ENABLED));
      notEqual((await other.exec(["sh", "-c", KEYS])).stdout, first, "two containers have the same host keys");
    });

    limited("A99 in a Dockerfile the script of the host keys makes them, -f makes others, and off is off", async () => {
      const baked = await setup.image({}, `${ENABLED} && ${REGEN}`);
      const first = (await shell(KEYS, baked)).stdout;
      match(first, /ssh-ed25519/);
      equal((await shell(`${REGEN} >&2; ${KEYS}`, baked)).stdout, first);
      const forced = (await shell(`${REGEN} -f >&2; ${KEYS}`, baked)).stdout;
      match(forced, /ssh-ed25519/);
      notEqual(forced, first);
      const off = await shell(`${REGEN}; ls /etc/ssh | grep ssh_host`);
      equal(off.stdout, "SSH is disabled. To enable it, remove '/etc/service/sshd/down'.\n");
      match((await shell(`${REGEN} -f >&2; ${KEYS}`)).stdout, /ssh-ed25519/);
      deepEqual(await codeAndError(shell(`${REGEN} --frob`)), [2, "usage: 00_regen_ssh_host_keys.sh [-f]\n"]);
    });

    limited(
      "A99 sv start in a container that booted with sshd off makes host keys, and is done when it listens",
      async () => {
        const container = await setup.start([image]);
        await eventually("sv works", async () => (await container.exec(["sv", "status", "sshd"])).code === 0);
        const started = await container.exec(["sh", "-c", "sv -w 300 start sshd && ssh-keyscan -T 60 localhost 2>&1"]);
        match(started.stdout, /^ok: run: sshd: .*\n(.*\n)*localhost ssh-ed25519 /);
      },
    );

    limited("A99 a password lets nobody in, a key lets root in", async () => {
      const container = await listening(await setup.image({}, ENABLED), ...INSECURE);
      await container.exec(["chpasswd"], { input: "root:secret\n" });
      const methods = "-o PreferredAuthentications=password,keyboard-interactive -o NumberOfPasswordPrompts=1";
      // setsid: without a terminal ssh asks the program SSH_ASKPASS for the password.
      const askpass =
        "printf '#!/bin/sh\\necho asked >>/tmp/asked; echo secret\\n' >/tmp/askpass; chmod +x /tmp/askpass";
      const attempt = `export SSH_ASKPASS=/tmp/askpass SSH_ASKPASS_REQUIRE=force; ${SSH} ${methods} root@localhost true`;
      const refused = await container.exec(["sh", "-c", `${askpass}; ${attempt}; echo "status $?"; cat /tmp/asked`]);
      match(refused.stdout, /^status 255\n$/);
      match(refused.stderr, /root@localhost: Permission denied \(publickey\)\./);
      match(refused.stderr, /asked: No such file/, "a password was asked for");
      equal((await container.exec(["sh", "-c", `${LOGIN} root@localhost 'id -un; exit 7'`])).code, 7);
      const settings = (await container.exec(["sshd", "-T"])).stdout;
      for (const line of ["passwordauthentication no", "kbdinteractiveauthentication no", "permitemptypasswords no"])
        match(settings, new RegExp(`^${line}$`, "m"));
      match(settings, /^permitrootlogin (without|prohibit)-password$/m);
    });

    limited("A99 what a Dockerfile puts into sshd_config.d wins", async () => {
      const container = await listening(
        await setup.image({ "/etc/ssh/sshd_config.d/own.conf": "PermitRootLogin no\n" }, ENABLED),
        ...INSECURE,
      );
      match((await container.exec(["sshd", "-T"])).stdout, /^permitrootlogin no$/m);
      equal((await container.exec(["sh", "-c", `${LOGIN} root@localhost true`])).code, 255);
    });

    limited("A99 sessions have the container's variables, with and without a terminal, for those who may", async () => {
      const odd = `it's "odd": $HOME \\ #1`;
      const users = "RUN useradd -m -G docker_env in && useradd -m out";
      const container = await listening(
        ...["-e", `ODD=${odd}`, "-e", "LINES2=one\ntwo", "-e", "TERM=alien"],
        await setup.image({}, `${ENABLED}\n${users}`),
        ...INSECURE,
      );
      await shows(container, /^sshd: only login shells get these variables, for the line feeds in them: LINES2 $/m);
      for (const user of ["in", "out"]) equal((await container.exec(["setuser", user, "enable_insecure_key"])).code, 0);
      const session = async (user: string, command: string, options = ""): Promise<string> =>
        (await container.exec(["sh", "-c", `TERM=dumb ${LOGIN} ${options} ${user}@localhost '${command}'`])).stdout;
      const print = 'printf "%s|%s|%s|%s" "$ODD" "$HOME" "$USER" "$(printenv TERM)"';
      equal(await session("root", print), `${odd}|/root|root|`);
      equal(await session("in", print), `${odd}|/home/in|in|`);
      equal(await session("out", print), "|/home/out|out|");
      equal(await session("root", print, "-tt"), `${odd}|/root|root|dumb`);
      // A login shell reads from its terminal what to do.
      const login = `printf 'echo "<$ODD|$LINES2>"; exit\\n' | TERM=dumb ${LOGIN} -tt root@localhost`;
      const typed = (await container.exec(["sh", "-c", login])).stdout.replaceAll("\r", "");
      ok(typed.includes(`<${odd}|one\ntwo>`), typed);
      const secret = await container.exec(["stat", "-c", "%a %U", "/run/sshd/environment.conf"]);
      equal(secret.stdout, "600 root\n");
    });

    limited("A99 enable_insecure_key is loud, and does no more the second time", async () => {
      const earlier = "printf 'ssh-ed25519 AAAA an earlier key' >/root/.ssh/authorized_keys";
      const twice =
        "enable_insecure_key && enable_insecure_key && cat /root/.ssh/authorized_keys /etc/insecure_key.pub";
      const { code, stdout, stderr } = await shell(`${earlier}; ${twice}; stat -c '%a' /root/.ssh`);
      equal(code, 0, stderr);
      const [first, second, kept, added, key, mode] = stdout.split("\n");
      equal(first, "The insecure key has been added to /root/.ssh/authorized_keys.");
      equal(second, "The insecure key is already in /root/.ssh/authorized_keys.");
      deepEqual([kept, added, mode], ["ssh-ed25519 AAAA an earlier key", key, "700"]);
      equal(stderr.match(/^\| THE INSECURE SSH KEY IS ENABLED: everybody can log in as root /gm)?.length, 2);
    });

    limited("A99 enable_insecure_key works for a user, as setuser and as USER of the image", async () => {
      const users = "RUN useradd -m app";
      const lines =
        "wc -l </home/app/.ssh/authorized_keys; stat -c '%a %U' /home/app/.ssh /home/app/.ssh/authorized_keys";
      const expected = "1\n700 app\n600 app\n";
      const as = await shell(`setuser app enable_insecure_key >&2; ${lines}`, await setup.image({}, users));
      equal(as.stdout, expected, as.stderr);
      const by = await shell(`enable_insecure_key >&2; ${lines}`, await setup.image({}, `${users}\nUSER app`));
      equal(by.stdout, expected, by.stderr);
    });

    limited("A01 A99 my_init --enable-insecure-key lets its key in, and the log is loud", async () => {
      const container = await listening(await setup.image({}, ENABLED), ...INSECURE);
      const { code, stdout } = await container.exec(["sh", "-c", `${LOGIN} root@localhost 'id -u; exit 42'`]);
      deepEqual([code, stdout], [42, "0\n"]);
      match(await container.logs(), /THE INSECURE SSH KEY IS ENABLED/);
      ok(!(await container.logs()).includes("PRIVATE KEY"), "the key itself is in the log");
    });

    limited("A99 enable_insecure_key says what it cannot do", async () => {
      deepEqual(await codeAndError(shell("enable_insecure_key", image, "--user", "4711")), [
        1,
        "enable_insecure_key: cannot allow the insecure key: user 4711 is not in /etc/passwd\n",
      ]);
      const readOnly = await codeAndError(shell("enable_insecure_key", image, "--read-only"));
      equal(readOnly[0], 1);
      match(readOnly[1], /authorized_keys cannot be written\n$/);
    });

    limited(
      "A66 A99 a read-only root boots: without keys it says so, with a tmpfs on /run they are there",
      async () => {
        const enabled = await setup.image({}, ENABLED);
        const none = await setup.start(["--read-only", enabled]);
        await shows(none, /^cannot make SSH host keys: neither \/etc\/ssh nor \/run\/sshd can be written by user 0;/m);
        await eventually("the services are there", async () => (await none.exec(["sv", "status", "sshd"])).code === 0);
        equal((await none.stop()).exitCode, 0);
        const fresh = await listening("--read-only", "--tmpfs", "/run", "--tmpfs", "/root/.ssh", enabled, ...INSECURE);
        const login = await fresh.exec(["sh", "-c", `${LOGIN} root@localhost 'echo "$PATH"; exit 5'`]);
        equal(login.code, 5, login.stderr);
        const baked = await listening("--read-only", await setup.image({}, `${ENABLED} && ${REGEN}`));
        equal((await baked.stop()).exitCode, 0);
      },
    );

    limited("A66 A99 as another user than root it boots, and sshd says that it cannot", async () => {
      const container = await setup.start(["--user", "1000", await setup.image({}, ENABLED)]);
      await shows(container, /^sshd: cannot start as user 1000: it needs root/m);
      equal((await container.stop()).exitCode, 0);
    });

    limited("A99 without CAP_AUDIT_WRITE it says why a session on a terminal may end at once", async () => {
      const container = await listening("--cap-drop", "AUDIT_WRITE", await setup.image({}, ENABLED));
      await shows(container, /^sshd: sessions with a terminal end at once .*--cap-add AUDIT_WRITE\)$/m);
    });

    limited("A99 the usual line of a Dockerfile takes SSH out", async () => {
      const without = await setup.image({}, `RUN rm -rf /etc/service/sshd ${REGEN}`);
      const container = await setup.start([without]);
      await eventually("the container is up", async () => (await container.exec(["sv", "status", "sshd"])).code === 1);
      ok(!/sshd|ssh_host/.test(await container.logs()), await container.logs());
      equal((await container.stop()).exitCode, 0);
    });

    limited("A99 an upgrade of the package leaves the configuration and starts nothing", async () => {
      const { stdout, stderr } = await shell(
        "install_clean --reinstall openssh-server >&2; sshd -T | grep ^passwordauth; ls -A /etc/service; cat /proc/[0-9]*/comm",
      );
      match(stdout, /^passwordauthentication no$/m, stderr);
      ok(!/^ssh$/m.test(stdout), `a service of the package's own:\n${stdout}`);
      equal(stdout.match(/^sshd$/gm)?.length, 1, `sshd runs:\n${stdout}`);
    });

    limited("A99 ssh-keygen and puttygen read the insecure key, and it is one key", async () => {
      const programs =
        "install_clean putty-tools >&2; puttygen /etc/insecure_key.ppk -O public-openssh -o /tmp/putty.pub";
      const compare =
        "ssh-keygen -yf /etc/insecure_key; cat /etc/insecure_key.pub /tmp/putty.pub; stat -c %a /etc/insecure_key";
      const { stdout, stderr } = await shell(`${programs}; ${compare}`);
      const [computed, file, putty, mode] = stdout.split("\n");
      match(file ?? "", /^ssh-ed25519 \S+ shipshape-insecure-key$/, stderr);
      deepEqual([computed, putty, mode], [file, file, "600"]);
    });
  });
}

async function codeAndError(result: Promise<CommandResult>): Promise<[number, string]> {
  const { code, stderr } = await result;
  return [code, stderr];
}
