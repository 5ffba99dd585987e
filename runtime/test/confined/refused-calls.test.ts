import assert from "node:assert/strict";
import { boot } from "../harness/container.ts";
import { eventually } from "../harness/deadline.ts";
import { NO_REFUSAL, REFUSAL_ERRNOS, REFUSED_NEW, type Refusal } from "../harness/refusal.ts";
import { skip, test } from "../harness/test.ts";

/** What stands in the output when something of the life did not work. */
const COMPLAINT = /cannot |not executable|refuse|internal error|is lost|there is no /;

const LINKS = Object.fromEntries(
  ["cron", "cronctl", "crontab"].map((name) => [`/sbin/${name}`, { link: "shipshape" }]),
);

/** A whole life: startup file, captured service, service with a log of its own, cron job with input, syslog, `sv`, a crash, the stop. */
async function life(refusal: Refusal): Promise<void> {
  await using box = await boot({
    refusal,
    startup: { "10-first": "echo startup-ran; echo value >/etc/container_environment/FROM_STARTUP" },
    services: {
      cron: { run: "exec /sbin/cron -f" },
      logged: { run: "echo said-to-log; exec sleep 1000", log: "exec cat >/tmp/own-log" },
      user: {
        run: "read -r line </etc/hostname; echo user-of-$line; exec sleep 1000",
        user: "app",
        finish: "echo finish-ran",
      },
      web: { run: "echo web-runs-$FROM_STARTUP; exec sleep 1000", control: { h: "echo control-ran" } },
    },
    postShutdown: { hook: "echo hook-ran" },
    env: { LOG_CAPTURE: "on" },
    files: {
      ...LINKS,
      "/etc/hostname": "box\n",
      "/etc/shipshape/logd.conf": "",
      // The percent sign begins what the job reads.
      "/etc/cron.d/job": "@reboot root /bin/cat >/tmp/job%input-of-job\n",
    },
  });
  await box.sees("startup-ran");
  await box.sees("web-runs-value");
  await eventually("cron's job has run", () => box.has("/tmp/job") && box.read("/tmp/job").includes("input-of-job"));
  await eventually("the service's log has a line", () => box.has("/tmp/own-log") && box.read("/tmp/own-log") !== "");
  assert.match(await box.sv("status", "web"), /^run: web: /);
  await box.exec("logger -t app before-the-crash");
  await box.sees("app: before-the-crash");
  box.signal("SIGSEGV");
  await box.sees("has started itself again");
  await box.exec("logger -t app after-the-crash");
  await box.sees("app: after-the-crash");
  await box.sv("hup", "web");
  await box.sees("control-ran");
  assert.equal((await box.exec(["setuser", "app", "sh", "-c", "exit 7"])).code, 7);
  assert.equal((await box.exec(["chpst", "-u", "app", "sh", "-c", "exit 8"])).code, 8);
  assert.match(await box.sv("restart", "logged"), /^ok: run: logged: /);
  assert.equal((await box.stop()).code, 0);
  assert.ok(box.output.text.includes("finish-ran") && box.output.text.includes("hook-ran"), box.output.text);
  assert.equal(box.output.count("web-runs-value"), 1, "the crash cost the service's life");
  assert.doesNotMatch(box.output.text, COMPLAINT);
}

/** A test that needs a filter. */
const confined: typeof test = (title, body) => (NO_REFUSAL === null ? test(title, body) : skip(title, NO_REFUSAL));

for (const call of REFUSED_NEW) {
  for (const errno of REFUSAL_ERRNOS)
    confined(`A16 a whole life works where ${call} is answered by ${errno}`, () => life({ call, errno }));
}

confined("A16 my_init ends at once and names an old call that it cannot do without", async () => {
  await using box = await boot({ refusal: { call: "signalfd4", errno: "EPERM" }, main: "exec sleep 1000" });
  await box.sees("cannot receive signals: Operation not permitted; the kernel or a seccomp profile refuses signalfd4");
  assert.equal((await box.ended()).code, 1);
});

confined("A16 my_init says that it adopts no orphans where prctl is refused and it is not PID 1", async () => {
  await using box = await boot({
    refusal: { call: "prctl", errno: "EPERM" },
    notFirst: true,
    main: "echo main-ran; exec sleep 1000",
  });
  await box.sees(
    "orphans go to PID 1, not to my_init: Operation not permitted; the kernel or a seccomp profile refuses prctl",
  );
  await box.sees("main-ran");
  assert.equal((await box.stop()).code, 143);
});

confined("A96 the log daemon's sockets are not there where recvmmsg is refused, which is said", async () => {
  await using box = await boot({
    refusal: { call: "recvmmsg", errno: "EPERM" },
    files: { "/etc/shipshape/logd.conf": "" },
    services: { web: { run: "exec sleep 1000" } },
  });
  await box.sees("the kernel or a seccomp profile refuses recvmmsg: allow it; what programs send to syslog is lost");
  await eventually("sv is answered", async () => (await box.sv("status", "web")).startsWith("run: web: "));
  assert.equal((await box.exec("[ -e /dev/log ]")).code, 1);
  assert.equal((await box.stop()).code, 0);
});

confined("A96 a service's output goes to the container's where splice is refused, which is said", async () => {
  await using box = await boot({
    refusal: { call: "splice", errno: "EPERM" },
    env: { LOG_CAPTURE: "on" },
    files: { "/etc/shipshape/logd.conf": "" },
    services: { web: { run: "echo said-by-web; exec sleep 1000" } },
  });
  await box.sees("the kernel or a seccomp profile refuses splice: allow it; it goes to the container's");
  await box.sees(/^said-by-web$/m);
  assert.equal((await box.stop()).code, 0);
});
