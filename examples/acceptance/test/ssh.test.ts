import { equal, match } from "node:assert/strict";
import { test } from "node:test";
import { accept, stopsClean } from "./image.ts";

/** Podman's containers lack it, and sshd ends logins without it where the kernel audits. */
const AUDIT = ["--cap-add", "AUDIT_WRITE"];
const SSH =
  "ssh -i /etc/insecure_key -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR root@127.0.0.1";

accept("ssh", (image) => {
  test("A99 SSH switched on by a Dockerfile: a session has the environment, and its exit code comes back", async () => {
    const box = await image.start([...AUDIT, "-e", "GIVEN=it's given"]);
    await box.shows(/Server listening on/);
    const session = await box.exec(["sh", "-c", `${SSH} 'echo "$GIVEN"; exit 7'`]);
    equal(session.stdout, "it's given\n", session.stderr);
    equal(session.code, 7);
    const password = await box.exec([
      "sh",
      "-c",
      `${SSH.replace("-i /etc/insecure_key", "-o PubkeyAuthentication=no")} true`,
    ]);
    match(password.stderr, /Permission denied \(publickey\)/);
    await stopsClean(box);
  });
});
