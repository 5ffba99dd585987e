import { deepEqual, equal, match, ok } from "node:assert/strict";
import { before, describe, test } from "node:test";
import { baseImage } from "../../tools/base-image.ts";
import { runContainer } from "../../tools/container.ts";
import type { CommandResult } from "../../tools/setup/command.ts";
import { BASE_IMAGE, buildBaseImage, imageName } from "../build.ts";
import { SETUP_LIMIT_MS, setUp } from "./setup.ts";

const TEST_LIMIT_MS = 5 * 60_000;
/** What the image may add to the bare distribution when OpenSSH's packages are left out. */
const OWN_BYTES = 5_000_000;
const BARE = `${BASE_IMAGE}:without-services`;
const NO_SSH = `${BASE_IMAGE}:without-ssh`;
const FULL = imageName("full");

describe("variants and parts of the base image", { timeout: 3 * SETUP_LIMIT_MS }, () => {
  const setup = setUp();
  const shell = (image: string, text: string): Promise<CommandResult> =>
    runContainer(setup.engine, [image, "sh", "-c", text], { timeoutMs: TEST_LIMIT_MS });
  const limited = (title: string, body: () => Promise<void>, timeout = TEST_LIMIT_MS): void => {
    test(title, { timeout }, body);
  };
  before(
    async () => {
      const buildArgs = ["DISABLE_SSH=1", "DISABLE_CRON=1", "DISABLE_SYSLOG=1"];
      await buildBaseImage(setup.engine, { tag: BARE, buildArgs });
      await buildBaseImage(setup.engine, { tag: NO_SSH, buildArgs: ["DISABLE_SSH=1"] });
      await buildBaseImage(setup.engine, { variant: "full" });
    },
    { timeout: 2 * SETUP_LIMIT_MS },
  );

  limited("A100 build arguments leave out ssh, cron and syslog, and what is left boots and stops", async () => {
    const traces = [
      "/etc/service/sshd",
      "/etc/my_init.d/00_regen_ssh_host_keys.sh",
      "/usr/sbin/enable_insecure_key",
      "/etc/insecure_key",
      "/usr/sbin/sshd",
      "/etc/service/cron",
      "/usr/bin/crontab",
      "/etc/shipshape/logd.conf",
    ];
    const list = `for path in ${traces.join(" ")}; do [ ! -e $path ] || echo $path; done`;
    equal((await shell(BARE, list)).stdout, "");
    equal((await shell(BASE_IMAGE, list)).stdout, `${traces.join("\n")}\n`, "the list names what the image has not");

    const container = await setup.start([BARE, "/sbin/my_init", "--", "sleep", "1000"]);
    const { stdout } = await container.exec(["sh", "-c", "cat /proc/[0-9]*/comm; ls /dev/log"]);
    match(stdout, /^my_init$/m);
    ok(!/^(logd|cron|sshd)$|\/dev\/log/m.test(stdout), stdout);
    equal((await container.stop()).exitCode, 143);
  });

  limited("A100 without OpenSSH's packages the image adds 5 MB at most", async () => {
    const size = async (image: string): Promise<number> =>
      Number((await setup.engine.run(["image", "inspect", "--format", "{{.Size}}", image])).stdout);
    const added = (await size(NO_SSH)) - (await size(await baseImage(setup.engine, "trixie")));
    ok(added > 0 && added <= OWN_BYTES, `it adds ${added} bytes`);
  });

  limited("A100 the full variant has what the original has and old Dockerfiles call", async () => {
    const names = "curl less vim vi killall pstree gpg dirmngr locale-gen logrotate python3 sshd svlogd";
    const missing = `for name in ${names}; do command -v $name >/dev/null || echo $name; done`;
    equal((await shell(FULL, missing)).stdout, "");
    match((await shell(BASE_IMAGE, missing)).stdout, /^curl\nless\nvim\n/);
    const { stdout } = await shell(
      FULL,
      "locale -a; cat /etc/default/locale; ls /usr/bin/systemctl 2>&1; readlink /usr/sbin/cron",
    );
    match(stdout, /^en_US\.utf8$[\s\S]*^LANG=en_US\.UTF-8$[\s\S]*No such file[\s\S]*^shipshape$/m);
  });

  limited("A100 no program runs with another's rights that the distribution or OpenSSH has not", async () => {
    const list = async (image: string): Promise<string[]> => {
      const { stdout } = await shell(image, "find / -xdev -type f -perm /6000 -printf '%m %u:%g %p\\n'");
      return stdout.trim().split("\n").sort();
    };
    const given = await list(await baseImage(setup.engine, "trixie"));
    ok(
      given.some((line) => line.endsWith("/su")),
      "no program was found in the distribution",
    );
    const ofOpenSsh = ["2755 root:_ssh /usr/bin/ssh-agent", "4755 root:root /usr/lib/openssh/ssh-keysign"];
    deepEqual(await list(NO_SSH), given);
    deepEqual(await list(BASE_IMAGE), [...given, ...ofOpenSsh].sort());
    deepEqual(await list(FULL), [...given, ...ofOpenSsh].sort());
  });

  limited("A100 locale-gen, update-locale and dpkg-reconfigure work as old Dockerfiles call them", async () => {
    const ubuntu = "locale-gen de_DE.UTF-8 && update-locale LANG=de_DE.UTF-8";
    const german = await shell(
      BASE_IMAGE,
      `${ubuntu} >/dev/null && cat /etc/default/locale && LC_ALL=de_DE.utf8 locale language`,
    );
    match(german.stdout, /^LANG=de_DE\.UTF-8$[\s\S]*^German$/m, german.stderr);
    const reconfigured = await shell(
      BASE_IMAGE,
      "echo 'fr_FR.UTF-8 UTF-8' >>/etc/locale.gen; dpkg-reconfigure -f noninteractive locales && locale -a",
    );
    match(reconfigured.stdout, /^en_US\.utf8$[\s\S]*^fr_FR\.utf8$/m, reconfigured.stderr);
    const wrong = await shell(BASE_IMAGE, "locale-gen xx_YY.UTF-8");
    deepEqual([wrong.code, /^locale-gen: cannot make 'xx_YY\.UTF-8': .*$/m.test(wrong.stderr)], [1, true]);
  });

  limited("A100 a package that wants cron or syslog does not bring Debian's, unless it is named", async () => {
    const plan = async (...names: readonly string[]): Promise<string> =>
      (await shell(BASE_IMAGE, `install_clean --simulate ${names.join(" ")}`)).stdout;
    const logrotate = await plan("logrotate");
    match(logrotate, /^Inst logrotate /m);
    ok(!/^(Inst|Remv) (cron|systemd|shipshape)/m.test(logrotate), logrotate);
    const named = await plan("rsyslog", "systemd-standalone-tmpfiles");
    match(named, /^Inst rsyslog /m);
    match(named, /^Remv shipshape-syslog /m);
  });

  limited(
    "A100 the same input gives the same layers",
    async () => {
      const layers = async (image: string): Promise<string> => {
        const { stdout } = await setup.engine.run(["image", "inspect", "--format", "{{json .RootFS.Layers}}", image]);
        return stdout;
      };
      const again = `${BASE_IMAGE}:full-again`;
      await buildBaseImage(setup.engine, { variant: "full", tag: again, cached: false });
      const made = await layers(again);
      await setup.engine.run(["rmi", again]);
      match(made, /^\["sha256:/);
      equal(made, await layers(FULL));
    },
    SETUP_LIMIT_MS,
  );
});
