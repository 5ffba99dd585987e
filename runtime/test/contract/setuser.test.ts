import assert from "node:assert/strict";
import { boot, type Container } from "../harness/container.ts";
import { test } from "../harness/test.ts";

function idle(): Promise<Container> {
  return boot({
    command: ["sleep", "1000"],
    files: { "/opt/text": { content: "echo no shebang\n", mode: 0o755 }, "/opt/plain": "#!/bin/sh\n" },
  });
}

/** What a shell text prints and returns, as `stdout stderr=> code`. */
async function outcome(box: Container, text: string, user?: number): Promise<string> {
  const { stdout, stderr, code } = await box.exec(text, user === undefined ? {} : { user });
  return `${stdout}${stderr}=> ${code}`;
}

test("A90 setuser takes the ids and all groups of a user", async () => {
  await using box = await idle();
  const expected = {
    "setuser app id": "uid=1000(app) gid=1000(app) groups=1000(app),4(adm),100(users)\n=> 0",
    "setuser 1000 id": "uid=1000(app) gid=1000(app) groups=1000(app),4(adm),100(users)\n=> 0",
    "setuser app:adm id": "uid=1000(app) gid=4(adm) groups=4(adm)\n=> 0",
    "setuser 1000:33 id": "uid=1000(app) gid=33(www-data) groups=33(www-data)\n=> 0",
    "setuser 4321:8765 id": "uid=4321 gid=8765 groups=8765\n=> 0",
    "setuser 4321 id": "uid=4321 gid=4321 groups=4321\n=> 0",
    "setuser root id": "uid=0(root) gid=0(root) groups=0(root)\n=> 0",
    "setuser www-data sh -c 'setuser app id'": "=> 1",
  };
  for (const [text, want] of Object.entries(expected)) {
    const got = await outcome(box, text);
    if (want.startsWith("=>")) assert.ok(got.endsWith(want), got);
    else assert.equal(got, want, text);
  }
});

test("A90 setuser cannot be undone by the command", async () => {
  await using box = await idle();
  const { stdout } = await box.exec("setuser app sh -c 'grep -E \"^(Uid|Gid|CapEff|CapPrm)\" /proc/self/status'");
  assert.deepEqual(stdout.split("\n"), [
    "Uid:\t1000\t1000\t1000\t1000",
    "Gid:\t1000\t1000\t1000\t1000",
    "CapPrm:\t0000000000000000",
    "CapEff:\t0000000000000000",
    "",
  ]);
});

test("A90 setuser sets USER, LOGNAME, HOME and UID and leaves the rest as it was", async () => {
  await using box = await idle();
  const before = "export USER=root LOGNAME=root SHELL=/bin/bash OTHER='a b' EMPTY=; cd /tmp; ";
  const environment = async (text: string) => (await box.exec(before + text)).stdout.split("\n").sort();
  const [plain, changed, unknown] = await Promise.all(
    ["env", "setuser app env", "setuser 4321 env"].map((text) => environment(text)),
  );
  const personal = /^(USER|LOGNAME|HOME|UID|_)=/;
  const others = (lines: string[] = []) => lines.filter((line) => !personal.test(line));
  const own = (lines: string[] = []) => lines.filter((line) => personal.test(line) && !line.startsWith("_="));
  assert.deepEqual(own(changed), ["HOME=/home/app", "LOGNAME=app", "UID=1000", "USER=app"]);
  assert.deepEqual(own(unknown), ["HOME=/", "UID=4321"]);
  assert.deepEqual(others(changed), others(plain));
  assert.deepEqual(others(unknown), others(plain));
});

test("A90 setuser becomes the command: same pid, arguments to the byte, exit code", async () => {
  await using box = await idle();
  assert.equal(await outcome(box, "sh -c 'echo $$; exec setuser app sh -c \"echo \\$\\$\"' | uniq | wc -l"), "1\n=> 0");
  assert.equal(
    await outcome(
      box,
      "setuser app printf '<%s>' -u '' 'a b' \"$(printf '\\377\\n\\001x')\" | od -An -c | tr -d ' \\n'",
    ),
    "<-u><><ab><377\\n001x>=> 0",
  );
  assert.equal(await outcome(box, "setuser app sh -c 'exit 42'"), "=> 42");
  assert.equal(await outcome(box, "echo input | setuser app cat"), "input\n=> 0");
  assert.equal(await outcome(box, "setuser app true -x --help"), "=> 0");
});

test("A90 setuser says what is wrong and exits with 1", async () => {
  await using box = await idle();
  const expected = {
    setuser: "usage: setuser USER COMMAND [ARGS...]\n",
    "setuser app": "usage: setuser USER COMMAND [ARGS...]\n",
    "setuser nosuch true": 'setuser: cannot run true as "nosuch": no user "nosuch" in /etc/passwd\n',
    "setuser app:nosuch true": 'setuser: cannot run true as "app:nosuch": no group "nosuch" in /etc/group\n',
    "setuser '' true": 'setuser: cannot run true as "": no user "" in /etc/passwd\n',
    "setuser app nosuch": "setuser: cannot run nosuch: it is in no directory of PATH\n",
    "setuser app ''": "setuser: cannot run : it is in no directory of PATH\n",
    "setuser app /nosuch": "setuser: cannot run /nosuch: no such file\n",
    "setuser app /opt/plain": "setuser: cannot run /opt/plain: is not executable: chmod +x /opt/plain\n",
    "setuser app /opt/text": "setuser: cannot run /opt/text: has no #! line: begin it with #!/bin/sh\n",
    "setuser app /root/x":
      "setuser: cannot run /root/x: no permission to reach it: a directory of its path may not be searched\n",
  };
  for (const [text, want] of Object.entries(expected)) assert.equal(await outcome(box, text), `${want}=> 1`, text);
});

test("A90 setuser without privilege works for oneself and says why not for others", async () => {
  await using box = await idle();
  assert.equal(await outcome(box, "setuser app sh -c 'id -u; echo $HOME'", 1000), "1000\n/home/app\n=> 0");
  assert.equal(
    await outcome(box, "setuser www-data true", 1000),
    "setuser: cannot become user www-data (uid 33, gid 33): Operation not permitted: this takes root with the capabilities SETUID and SETGID\n=> 1",
  );
});

test("A90 setuser without /etc/passwd takes numbers and names the file for a name", async () => {
  await using box = await idle();
  box.write("/etc/passwd", null);
  assert.equal(await outcome(box, "setuser 7:8 sh -c 'id -u; id -g'"), "7\n8\n=> 0");
  assert.equal(
    await outcome(box, "setuser app true"),
    'setuser: cannot run true as "app": cannot read /etc/passwd: No such file or directory\n=> 1',
  );
});
