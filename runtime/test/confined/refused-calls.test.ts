import assert from "node:assert/strict";
import { boot } from "../harness/container.ts";
import { eventually } from "../harness/deadline.ts";
import { NO_REFUSAL, REFUSAL_ERRNOS, REFUSED, type Refusal } from "../harness/refusal.ts";
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

for (const call of REFUSED) {
  for (const errno of REFUSAL_ERRNOS) {
    const title = `A16 a whole life works where ${call} is answered by ${errno}`;
    if (NO_REFUSAL === null) test(title, () => life({ call, errno }));
    else skip(title, NO_REFUSAL);
  }
}
