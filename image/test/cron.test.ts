import { deepEqual, equal, match } from "node:assert/strict";
import { describe, test } from "node:test";
import type { Container } from "../../host/engines/container.ts";
import { eventually } from "../../runtime/test/harness/deadline.ts";
import { script } from "../../runtime/test/harness/rootfs.ts";
import { SETUP_LIMIT_MS, setUp } from "./setup.ts";
import { shows } from "./shows.ts";

const TEST_LIMIT_MS = 5 * 60_000;

describe("cron in the image", { timeout: 2 * SETUP_LIMIT_MS }, () => {
  const setup = setUp({ variant: "small" });
  const limited = (title: string, body: () => Promise<void>): void => {
    test(title, { timeout: TEST_LIMIT_MS }, body);
  };
  const sh = async (container: Container, text: string): Promise<string> => {
    const { stdout, stderr } = await container.exec(["sh", "-c", text]);
    return stdout + stderr;
  };
  /** What runs under the name of cron. */
  const crons = (container: Container): Promise<string> =>
    sh(container, "for p in $(grep -lx cron /proc/[0-9]*/comm); do readlink ${p%comm}exe; done");

  limited(
    "A98 A100 root's tables and members of docker_env have the container's environment, and every user a crontab",
    async () => {
      const image = await setup.image({ "/etc/cron.d/job": '@reboot www-data echo "$(id -un) has $SECRET"\n' });
      const container = await setup.start(["--env", "SECRET=s3cret", image]);
      await shows(container, "cron[job]: www-data has s3cret");
      equal(await sh(container, "readlink /usr/sbin/cron /usr/bin/crontab"), "shipshape\n../sbin/shipshape\n");
      await sh(container, "echo '@yearly echo $SECRET' | setuser www-data crontab -");
      equal(await sh(container, "setuser www-data crontab -l"), "@yearly echo $SECRET\n");
      equal(await sh(container, "setuser www-data cron run www-data"), "\n");
      await sh(container, "usermod -aG docker_env www-data");
      equal(await sh(container, "setuser www-data cron run www-data"), "s3cret\n");
      equal((await container.stop()).exitCode, 0);
    },
  );

  limited(
    "A98 A100 /etc/crontab can be added to and edited as Debian's, and says when the daily scripts run",
    async () => {
      const edits = "RUN echo '@reboot root echo added' >>/etc/crontab && sed -i 's/^25 6/5 3/' /etc/crontab";
      const container = await setup.start([
        await setup.image(
          { "/etc/cron.daily/mine": script("echo mine"), "/etc/cron.hourly/each": script("true") },
          edits,
        ),
      ]);
      await shows(container, "]: added");
      const list = await sh(container, "cron list");
      match(list, /^daily\/mine +5 3 \* \* \* /m);
      match(list, /^hourly\/each +17 \* \* \* \* /m);
      equal(await sh(container, "cron run daily/mine"), "mine\n");
      equal((await container.stop()).exitCode, 0);
    },
  );

  limited("A98 A100 what old images do to start cron starts one, and the boot goes on", async () => {
    const files = { "/etc/cron.d/job": "@reboot root echo booted\n" };
    for (const [command, said] of [
      ["service cron start", "cron: starts with the other services"],
      ["cron", "another cron runs (pid "],
    ] as const) {
      const container = await setup.start([
        await setup.image({ ...files, "/etc/my_init.d/20_cron": script(command) }),
        ...["/sbin/my_init", "--", "sleep", "1000"],
      ]);
      await shows(container, said, "cron[job]: booted");
      equal((await container.logs()).split("booted").length, 2, command);
      await container.stop();
    }
    const plain = await setup.start([await setup.image(files), "sh", "-c", "service cron start && exec sleep 1000"]);
    await shows(plain, "cron[job]: booted");
    match(await sh(plain, "crontab -l"), /there is no crontab/);
    const replaced = await setup.start([
      await setup.image({ ...files, "/etc/service/cron/run": script("exec /usr/sbin/cron -f") }),
    ]);
    await shows(replaced, "cron[job]: booted");
    equal((await replaced.stop()).exitCode, 0);
  });

  limited(
    "A98 A100 Debian's cron, once installed, is the service or is started by a startup file: ours steps aside",
    async () => {
      const files = {
        "/etc/cron.d/job": "@reboot root echo ran >>/tmp/ran\n",
        "/etc/crontab": "# edited before the package is installed\n",
      };
      const install = "RUN install_clean cron && test ! -h /usr/sbin/cron && grep edited /etc/crontab";
      const service = await setup.start([
        await setup.image({ ...files, "/etc/service/cron/run": script("exec cron -f") }, install),
      ]);
      await eventually("its job has run", async () => (await sh(service, "cat /tmp/ran")) === "ran\n");
      equal(await crons(service), "/usr/sbin/cron\n");
      equal((await service.stop()).exitCode, 0);

      const started = await setup.start([
        await setup.image({ ...files, "/etc/my_init.d/20_cron": script("service cron start") }, install),
      ]);
      await shows(started, "cron: another cron runs (pid ");
      await eventually("its job has run", async () => (await sh(started, "cat /tmp/ran")) === "ran\n");
      deepEqual((await crons(started)).trim().split("\n").sort(), ["/usr/sbin/cron", "/usr/sbin/shipshape"]);
      equal((await started.stop()).exitCode, 0);
    },
  );
});
