import { deepEqual, equal, match, ok } from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { CommandResult } from "../../host/command.ts";
import { runContainer } from "../../host/engines/container.ts";
import { eventually } from "../../runtime/test/harness/deadline.ts";
import { baseImage } from "../../tools/containers/base-image.ts";
import { BASE_IMAGE, buildBaseImage, imageName } from "../build.ts";
import { PROJECT } from "../context.ts";
import { SETUP_LIMIT_MS, setUp } from "./setup.ts";
import { shows } from "./shows.ts";

const TEST_LIMIT_MS = 5 * 60_000;
/** What the small variant may add to the bare distribution. */
const SMALL_BYTES = 5_000_000;
const FULL = imageName("full");
const SMALL = imageName("small");
const BARE = `${BASE_IMAGE}:without-services`;
const SMALL_SSH = `${BASE_IMAGE}:small-with-ssh`;
const NONE = ["DISABLE_SSH=1", "DISABLE_CRON=1", "DISABLE_SYSLOG=1"];
const ENABLED = "RUN rm -f /etc/service/sshd/down";
const MISSING = "OpenSSH is not in this image; build it FROM shipshape/baseimage, not :small";

describe("variants and parts of the base image", { timeout: 3 * SETUP_LIMIT_MS }, () => {
  const setup = setUp();
  const small = setUp({ variant: "small" });
  const shell = (image: string, text: string): Promise<CommandResult> =>
    runContainer(setup.engine, [image, "sh", "-c", text], { timeoutMs: TEST_LIMIT_MS });
  const limited = (title: string, body: () => Promise<void>, timeout = TEST_LIMIT_MS): void => {
    test(title, { timeout }, body);
  };
  const lines = async (image: string, command: string): Promise<string[]> => {
    const { stdout, stderr } = await shell(image, command);
    ok(stdout !== "", `nothing came of it: ${stderr}`);
    return stdout.trim().split("\n").sort();
  };
  before(
    async () => {
      await buildBaseImage(setup.engine, { variant: "small", tag: BARE, buildArgs: NONE });
      await buildBaseImage(setup.engine, { variant: "small", tag: SMALL_SSH, buildArgs: ["DISABLE_SSH=0"] });
    },
    { timeout: 2 * SETUP_LIMIT_MS },
  );
  after(() => setup.engine.run(["rmi", BARE, SMALL_SSH]));

  limited("A100 build arguments leave out ssh, cron and syslog, and what is left boots and stops", async () => {
    const traces = [
      "/etc/ssh",
      "/etc/service/sshd",
      "/etc/my_init.d/00_regen_ssh_host_keys.sh",
      "/usr/sbin/enable_insecure_key",
      "/etc/insecure_key",
      "/usr/sbin/sshd",
      "/etc/service/cron",
      "/usr/bin/crontab",
      "/etc/crontab",
      "/etc/init.d/cron",
      "/etc/shipshape/logd.conf",
    ];
    const list = `for path in ${traces.join(" ")}; do [ ! -e $path ] || echo $path; done`;
    equal((await shell(BARE, list)).stdout, "");
    equal((await shell(FULL, list)).stdout, `${traces.join("\n")}\n`, "the list names what the image has not");
    equal(
      (await shell(SMALL_SSH, list)).stdout,
      `${traces.join("\n")}\n`,
      "DISABLE_SSH=0 gives the small one all of it",
    );

    const container = await setup.start([BARE, "/sbin/my_init", "--", "sleep", "1000"]);
    const { stdout } = await container.exec(["sh", "-c", "cat /proc/[0-9]*/comm; ls /dev/log"]);
    match(stdout, /^my_init$/m);
    ok(!/^(logd|cron|sshd)$|\/dev\/log/m.test(stdout), stdout);
    equal((await container.stop()).exitCode, 143);
  });

  limited("A100 the small variant adds 5 MB at most, and no package of the distribution", async () => {
    const debian = await baseImage(setup.engine, "trixie");
    const size = async (image: string): Promise<number> =>
      Number((await setup.engine.run(["image", "inspect", "--format", "{{.Size}}", image])).stdout);
    const added = (await size(SMALL)) - (await size(debian));
    ok(added > 0 && added <= SMALL_BYTES, `it adds ${added} bytes`);

    const packages = "dpkg-query --show --showformat '${Package}\\n'";
    const ours = ["shipshape-cron", "shipshape-syslog"];
    deepEqual(await lines(SMALL, packages), [...(await lines(debian, packages)), ...ours].sort());
  });

  limited("A99 A100 what a Dockerfile does about SSH tells in the small variant that it is not there", async () => {
    const regen = "/etc/my_init.d/00_regen_ssh_host_keys.sh";
    for (const command of ["enable_insecure_key", `${regen} -f`, `rm /etc/service/sshd/down; ${regen}`]) {
      const { code, stderr } = await shell(SMALL, command);
      deepEqual([code, stderr.includes(MISSING)], [1, true], `${command}: ${stderr}`);
    }
    const booted = await runContainer(setup.engine, [SMALL, "/sbin/my_init", "--enable-insecure-key", "true"]);
    deepEqual([booted.code, (booted.stdout + booted.stderr).includes(MISSING)], [1, true]);

    const enabled = await setup.start([await small.image({}, ENABLED)]);
    await shows(enabled, `sshd: cannot start: ${MISSING}`);
    equal((await enabled.stop()).exitCode, 0);
    const untouched = await setup.start([SMALL]);
    await eventually("it is up", async () => /^down/.test((await untouched.exec(["sv", "status", "sshd"])).stdout));
    equal((await untouched.stop()).exitCode, 0);
    ok(!(await untouched.logs()).includes("OpenSSH"), await untouched.logs());
  });

  limited("A99 A100 Debian's OpenSSH, installed into the small variant, is the service", async () => {
    const image = await small.image({}, `RUN install_clean openssh-server\n${ENABLED}`);
    const container = await setup.start([image, "/sbin/my_init", "--enable-insecure-key"]);
    await shows(container, "Server listening");
    match((await container.exec(["sshd", "-T"])).stdout, /^passwordauthentication no$/m);
    equal((await container.stop()).exitCode, 0);
  });

  limited("A100 the full variant has what the original has and old Dockerfiles call", async () => {
    const names =
      "adduser apt-ftparchive curl less vim vi killall pstree ps gpg gpg-agent dirmngr locale-gen logrotate lsb_release python3 sshd svlogd";
    const missing = `for name in ${names}; do command -v $name >/dev/null || echo $name; done`;
    equal((await shell(FULL, missing)).stdout, "");
    match((await shell(SMALL, missing)).stdout, /^adduser\napt-ftparchive\ncurl\nless\nvim\n/);
    const { stdout } = await shell(
      FULL,
      "locale -a; cat /etc/default/locale; ls /usr/bin/systemctl 2>&1; readlink /usr/sbin/cron",
    );
    match(stdout, /^en_US\.utf8$[\s\S]*^LANG=en_US\.UTF-8$[\s\S]*No such file[\s\S]*^shipshape$/m);
  });

  limited("A100 no program runs with another's rights that the distribution or OpenSSH has not", async () => {
    const list = (image: string): Promise<string[]> =>
      lines(image, "find / -xdev -type f -perm /6000 -printf '%m %u:%g %p\\n'");
    const given = await list(await baseImage(setup.engine, "trixie"));
    ok(
      given.some((line) => line.endsWith("/su")),
      "no program was found in the distribution",
    );
    const ofOpenSsh = ["2755 root:_ssh /usr/bin/ssh-agent", "4755 root:root /usr/lib/openssh/ssh-keysign"];
    deepEqual(await list(SMALL), given);
    deepEqual(await list(FULL), [...given, ...ofOpenSsh].sort());
  });

  limited("A100 an image tells what it is", async () => {
    for (const [image, version] of [
      [FULL, PROJECT.version],
      [SMALL, `${PROJECT.version}-small`],
    ] as const) {
      const format = "{{json .Config.Labels}}";
      const { stdout } = await setup.engine.run(["image", "inspect", "--format", format, image]);
      const labels = JSON.parse(stdout) as Record<string, string>;
      equal(labels["org.opencontainers.image.title"], BASE_IMAGE);
      equal(labels["org.opencontainers.image.version"], version);
      equal(labels["org.opencontainers.image.licenses"], PROJECT.license);
    }
  });

  limited("A100 locale-gen, update-locale and dpkg-reconfigure work as old Dockerfiles call them", async () => {
    const ubuntu = "locale-gen de_DE.UTF-8 && update-locale LANG=de_DE.UTF-8";
    for (const image of [SMALL, FULL]) {
      const german = await shell(
        image,
        `${ubuntu} >/dev/null && cat /etc/default/locale && LC_ALL=de_DE.utf8 locale language`,
      );
      match(german.stdout, /^LANG=de_DE\.UTF-8$[\s\S]*^German$/m, german.stderr);
    }
    const reconfigured = await shell(
      FULL,
      "echo 'fr_FR.UTF-8 UTF-8' >>/etc/locale.gen; dpkg-reconfigure -f noninteractive locales && locale -a",
    );
    match(reconfigured.stdout, /^en_US\.utf8$[\s\S]*^fr_FR\.utf8$/m, reconfigured.stderr);
    const wrong = await shell(FULL, "locale-gen xx_YY.UTF-8");
    deepEqual([wrong.code, /^locale-gen: cannot make 'xx_YY\.UTF-8': .*$/m.test(wrong.stderr)], [1, true]);
  });

  limited("A100 a package that wants cron or syslog does not bring Debian's, unless it is named", async () => {
    const plan = "apt-get --simulate --no-install-recommends install";
    const plans = `apt-get -q update >&2; ${plan} logrotate; echo ---; ${plan} rsyslog cron systemd-standalone-tmpfiles`;
    const { stdout, stderr } = await shell(SMALL, plans);
    const [logrotate = "", named = ""] = stdout.split("---");
    match(logrotate, /^Inst logrotate /m, stderr);
    ok(!/^(Inst|Remv) (cron|systemd|shipshape)/m.test(logrotate), logrotate);
    match(named, /^Inst rsyslog /m);
    match(named, /^Remv shipshape-syslog /m);
    match(named, /^Inst cron /m);
    match(named, /^Remv shipshape-cron /m);
  });

  for (const [what, image, options] of [
    ["", FULL, {}],
    [", also with parts left out", BARE, { variant: "small", buildArgs: NONE }],
  ] as const) {
    // Packages of the full image make its last layer but one differ between two builds since December 2026; not known yet why.
    const skip =
      image === FULL ? "two builds with Debian's packages of today differ in one layer: find out which file" : false;
    test(`A100 the same input gives the same layers${what}`, { timeout: SETUP_LIMIT_MS, skip }, async () => {
      const layers = async (name: string): Promise<string> => {
        const { stdout } = await setup.engine.run(["image", "inspect", "--format", "{{json .RootFS.Layers}}", name]);
        return stdout;
      };
      const again = `${image}-again`;
      await buildBaseImage(setup.engine, { ...options, tag: again, cached: false });
      const made = await layers(again);
      await setup.engine.run(["rmi", again]);
      match(made, /^\["sha256:/);
      equal(made, await layers(image));
    });
  }
});
