import { deepEqual, equal, match } from "node:assert/strict";
import { test } from "node:test";
import { type Probe, readProbe, whyNoLogin } from "./ssh-probe.ts";

const container = { engine: "docker", id: "c0ffee", name: "web" } as const;
const login = { user: "root", identity: undefined, options: [], terminal: false, command: [] };
const ready: Probe = {
  sshd: "/usr/sbin/sshd",
  up: true,
  failing: "",
  broken: "",
  home: "/root",
  allowed: true,
  insecureKey: "key\n",
  hostKeys: ["ssh-ed25519 AAAA"],
  failed: "",
};

test("readProbe() reads what the script tells", () => {
  const stdout = [
    "sshd /usr/sbin/sshd",
    "up yes",
    "home /root",
    "allowed yes",
    "key -----BEGIN-----",
    "key abc",
    "host ssh-rsa AAAA",
    "host ssh-ed25519 BBBB",
    "",
  ].join("\n");
  deepEqual(readProbe({ code: 0, stdout, stderr: "" }), {
    ...ready,
    insecureKey: "-----BEGIN-----\nabc\n",
    hostKeys: ["ssh-rsa AAAA", "ssh-ed25519 BBBB"],
  });
});

test("readProbe() reads why sshd refuses to work", () => {
  equal(
    readProbe({ code: 0, stdout: "broken no hostkeys -- exiting.\r\n", stderr: "" }).broken,
    "no hostkeys -- exiting.",
  );
});

test("readProbe() keeps the engine's last words when the script could not run", () => {
  equal(readProbe({ code: 126, stdout: "", stderr: "a\nno sh here\n" }).failed, "no sh here");
  equal(
    readProbe({ code: 126, stdout: "OCI runtime exec failed: denied\n", stderr: "" }).failed,
    "OCI runtime exec failed: denied",
  );
  equal(readProbe({ code: 137, stdout: "", stderr: "" }).failed, "exit code 137");
});

test("readProbe() takes an image without a shell for one without sshd", () => {
  const stdout = 'OCI runtime exec failed: exec: "sh": executable file not found in $PATH\n';
  const { failed, sshd } = readProbe({ code: 126, stdout, stderr: "" });
  deepEqual([failed, sshd], ["", ""]);
});

test("readProbe() lets a container put no command into the one that ssh runs on this machine", () => {
  for (const sshd of ["/usr/sbin/sshd; touch /tmp/x", "$(id)", "/a b", "/sshd%%", "/x`id`", "/x\\ny", "/x&"]) {
    const { failed } = readProbe({ code: 0, stdout: `sshd ${sshd}\nup yes\n`, stderr: "" });
    equal(failed, `it says that its sshd is ${JSON.stringify(sshd)}`);
  }
  equal(readProbe({ code: 0, stdout: "sshd /opt/openssh-9.9_p1/sbin/sshd\n", stderr: "" }).failed, "");
});

test("whyNoLogin() is content when all is there, and with a key of the user's own", () => {
  equal(whyNoLogin(ready, container, login), null);
  const own = { ...login, identity: "/home/me/.ssh/id" };
  equal(whyNoLogin({ ...ready, allowed: false, insecureKey: "" }, container, own), null);
});

for (const [changes, reason] of [
  [{ failed: "no sh" }, /^cannot look into the container: no sh$/],
  [
    { sshd: "" },
    /^there is no sshd in its image: build it FROM shipshape\/baseimage, not :small; docker-bash web works/,
  ],
  [{ up: false }, /^sshd is down in it; .*: docker exec web sv up sshd; .*: RUN rm -f \/etc\/service\/sshd\/down$/],
  [{ broken: "line 3: Bad option" }, /^its sshd refuses to work: line 3: Bad option$/],
  [
    { failing: "exited with status 255 after 0.1 s; next try in 4 s" },
    /^its sshd does not stay up: exited with status 255 after 0\.1 s; next try in 4 s; docker logs web tells why$/,
  ],
  [
    { broken: "line 3: Bad option", failing: "exited with status 255" },
    /^its sshd refuses to work: line 3: Bad option$/,
  ],
  [{ home: "" }, /^there is no user root in it$/],
  [{ insecureKey: "" }, /^there is no \/etc\/insecure_key in its image; .*-i FILE$/],
  [
    { allowed: false },
    /^the insecure key is not enabled for root in it: docker exec web enable_insecure_key; .*-i FILE$/,
  ],
] as const) {
  test(`whyNoLogin() explains ${JSON.stringify(changes)}`, () => {
    match(whyNoLogin({ ...ready, ...changes }, container, login) ?? "", reason);
  });
}

test("whyNoLogin() names the user who has to enable the key", () => {
  const reason = whyNoLogin({ ...ready, allowed: false }, container, { ...login, user: "app" }) ?? "";
  match(reason, /for app in it: docker exec --user app web enable_insecure_key;/);
});
