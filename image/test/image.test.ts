import { deepEqual, equal, match, ok } from "node:assert/strict";
import { describe, test } from "node:test";
import type { CommandResult } from "../../host/command.ts";
import { runContainer } from "../../host/engines/container.ts";
import { script } from "../../runtime/test/harness/rootfs.ts";
import { BASE_IMAGE } from "../build.ts";
import { beat, services } from "./fixture.ts";
import { SETUP_LIMIT_MS, setUp } from "./setup.ts";
import { shows } from "./shows.ts";

const TEST_LIMIT_MS = 5 * 60_000;

/** Every base that the image is made for and that needs no registry. */
const bases = [
  { from: "debian:13", image: `${BASE_IMAGE}:latest` },
  { from: "debian:12", image: `${BASE_IMAGE}:debian12` },
];

for (const { from, image } of bases) {
  describe(`the base image from ${from}`, { timeout: 2 * SETUP_LIMIT_MS }, () => {
    const setup = setUp({ from, tag: image });
    /** Runs a shell script in the image, without my_init. */
    const shell = (text: string, ...options: readonly string[]): Promise<CommandResult> =>
      runContainer(setup.engine, [...options, image, "sh", "-c", text], { timeoutMs: TEST_LIMIT_MS });
    const limited = (title: string, body: () => Promise<void>): void => {
      test(title, { timeout: TEST_LIMIT_MS }, body);
    };

    limited("A70 who may read the environment", async () => {
      const dumps = "/etc/container_environment.sh /etc/container_environment.json";
      const { stdout } = await shell(
        `stat -c '%a %U:%g %n' /etc/container_environment ${dumps}; getent group docker_env`,
      );
      deepEqual(stdout.trim().split("\n"), [
        "700 root:0 /etc/container_environment",
        "640 root:8377 /etc/container_environment.sh",
        "640 root:8377 /etc/container_environment.json",
        "docker_env:x:8377:",
      ]);
      const link = await shell("readlink -f /etc/profile.d/container_environment.sh");
      equal(link.stdout, "/etc/container_environment.sh\n");
    });

    limited("A100 the command is my_init, without an entry point, and stops", async () => {
      const format = "{{json .Config.Cmd}} {{json .Config.Entrypoint}}";
      const config = await setup.engine.run(["image", "inspect", "--format", format, image]);
      equal(config.stdout.trim(), '["/sbin/my_init"] null');
      const container = await setup.start([await setup.image(services({ one: beat("one") }))]);
      // Earlier it would end with 143, of the startup that was cut short.
      await shows(container, "one: up");
      equal((await container.stop()).exitCode, 0);
    });

    limited("A100 the commands are where old images call them", async () => {
      const places = ["/sbin/my_init", "/sbin/setuser", "/sbin/install_clean", "/usr/bin/sv", "/usr/bin/chpst"];
      const { code, stderr } = await shell(
        `for f in ${places.join(" ")}; do test -x $f || { echo $f >&2; exit 1; }; done`,
      );
      equal(code, 0, stderr);
    });

    limited("A100 the locale is en_US.UTF-8 and works", async () => {
      const { stdout, stderr } = await shell("locale charmap; locale language; perl -e 'print uc q(ok)'");
      deepEqual([stdout, stderr], ["UTF-8\nAmerican English\nOK", ""]);
    });

    limited("A100 a package starts no service when it is installed", async () => {
      const { stdout, stderr } = await shell(
        "install_clean cron >&2; cat /proc/[0-9]*/comm; invoke-rc.d cron start; echo; /etc/init.d/cron start",
      );
      ok(!stdout.split("\n").includes("cron"), `cron runs: ${stdout}`);
      match(stderr, /^invoke-rc\.d: policy-rc\.d denied execution of start\.$/m);
      match(stdout, /^Starting .*cron/m, "the service of this package is none that could have started");
    });

    limited("A84 A100 a package replaces neither initctl and ischroot nor sv and chpst", async () => {
      const added =
        "command -v svlogd; readlink -f /usr/bin/sv /usr/bin/chpst; initctl start x && ischroot && echo neutral";
      const { stdout, stderr } = await shell(`install_clean --reinstall debianutils runit >&2; ${added}`);
      equal(stdout, "/usr/bin/svlogd\n/usr/sbin/shipshape\n/usr/sbin/shipshape\nneutral\n", stderr);
    });

    limited("A91 install_clean installs and leaves nothing else behind", async () => {
      const left =
        "find /var/lib/apt/lists /var/cache/apt /var/log /var/cache/debconf -type f -newer /tmp/before | sort";
      const { code, stdout, stderr } = await shell(
        `touch /tmp/before; install_clean tree >&2 || exit; tree --version | head -n 1; ${left}`,
      );
      equal(code, 0, stderr);
      const [version, ...files] = stdout.trimEnd().split("\n");
      match(version ?? "", /^tree v\d/);
      deepEqual(
        files.filter((file) => !/^\/var\/cache\/debconf\/(config|templates|passwords)\.dat$/.test(file)),
        [],
      );
    });

    limited("A91 install_clean takes recommended packages on request only, and apt's own options", async () => {
      const plain = await shell("install_clean --simulate git");
      match(plain.stdout, /^Inst git /m, plain.stderr);
      ok(!/^Inst patch /m.test(plain.stdout), plain.stdout);
      const recommended = await shell("install_clean --simulate git --install-recommends");
      match(recommended.stdout, /^Inst patch /m, recommended.stderr);
    });

    limited("A91 install_clean says what went wrong", async () => {
      const unknown = await shell("install_clean no-such-package");
      deepEqual(
        [unknown.code, lastLine(unknown.stderr)],
        [100, "install_clean: cannot install no-such-package: apt-get ended with exit status 100, its reason is above"],
      );
      const user = await shell("install_clean tree", "--user", "1000");
      equal(user.code, 1);
      match(
        user.stderr,
        /^install_clean: cannot install tree: apt-get needs root, and this is user 1000; put USER root/,
      );
      const offline = await shell("install_clean tree", "--network", "none");
      equal(offline.code, 100);
      match(offline.stderr, /^E: Failed to fetch /m);
      const empty = await shell('install_clean "" tree');
      deepEqual([empty.code, /one of the words is empty/.test(empty.stderr)], [2, true], empty.stderr);
      const nothing = await shell("install_clean");
      deepEqual([nothing.code, nothing.stderr], [2, "usage: install_clean [--install-recommends] PACKAGE...\n"]);
    });
  });
}

describe("the base image", { timeout: 2 * SETUP_LIMIT_MS }, () => {
  const setup = setUp();

  for (const [tool, calls] of [
    ["apk", ["apk add --no-cache curl less"]],
    ["dnf", ["dnf -y install --setopt=install_weak_deps=False curl less", "dnf -q clean all"]],
  ] as const) {
    test(`A91 install_clean works with ${tool} where there is no apt-get`, { timeout: TEST_LIMIT_MS }, async () => {
      const image = await setup.image({
        [`/only/${tool}`]: script(`echo "${tool} $*"`),
        "/only/id": { link: "/usr/bin/id" },
        "/only/rm": { link: "/usr/bin/rm" },
      });
      const command = ["env", "PATH=/only", "/bin/sh", "/usr/sbin/install_clean", "curl", "less"];
      const { code, stdout, stderr } = await runContainer(setup.engine, [image, ...command]);
      deepEqual([code, stdout.trim().split("\n"), stderr], [0, calls, ""]);
    });
  }

  test("A97 A100 a program opens its logs again when logrotate does what its package declares", {
    timeout: TEST_LIMIT_MS,
  }, async () => {
    const text = [
      // IPv6 is not everywhere.
      "install_clean nginx >&2 && sed -i '/::/d' /etc/nginx/sites-enabled/default && nginx || exit",
      "curl -fs localhost >/dev/null && logrotate -f /etc/logrotate.d/nginx || exit",
      "DPKG_MAINTSCRIPT_NAME=postinst invoke-rc.d nginx reload",
      // It is told by a signal.
      "until curl -fs localhost/?second >/dev/null; grep -q second /var/log/nginx/access.log; do sleep 0.1; done",
    ].join("\n");
    const { code, stderr } = await runContainer(setup.engine, [BASE_IMAGE, "timeout", "200", "sh", "-c", text]);
    equal(code, 0, stderr);
    match(stderr, /^invoke-rc\.d: policy-rc\.d denied execution of reload\.$/m);
  });

  test("A91 install_clean says that it knows no package manager here", { timeout: TEST_LIMIT_MS }, async () => {
    const image = await setup.image({ "/only/id": { link: "/usr/bin/id" } });
    const command = ["env", "PATH=/only", "/bin/sh", "/usr/sbin/install_clean", "curl"];
    const { code, stderr } = await runContainer(setup.engine, [image, ...command]);
    equal(code, 1);
    equal(stderr, "install_clean: cannot install curl: found neither apt-get nor apk nor dnf in PATH (/only)\n");
  });
});

function lastLine(text: string): string {
  return text.trimEnd().split("\n").at(-1) ?? "";
}
