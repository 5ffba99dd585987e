import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { boot, type Container } from "./harness/container.ts";
import { test } from "./harness/test.ts";

/** runit's own, which ours is compared with. */
const RUNIT_CHPST = "/usr/bin/chpst";

/** What both make of the same shell text, in which `chpst` is one or the other, must be the same: standard output and exit code. */
const SAME: readonly string[] = [
  // Users: only the groups that are named.
  ...["app", "app:adm", "app:users:adm", "www-data", ":1234:5:6", "root"].map((user) => `chpst -u ${user} id`),
  "chpst -Pu app id -u",
  "chpst -u app -- id -un",
  ...["nosuch", "app:nosuch", ":x", ":1:x", ":", "''", "app:"].map((user) => `chpst -u ${user} id`),
  ...["app", "app:adm:users", ":5:6:7", "nosuch"].map((user) => `chpst -U ${user} env | sort`),
  "chpst -u app -U www-data sh -c 'id -u; echo $UID $GID'",
  // Environment directories.
  "chpst -e /ed env | sort",
  `A=old EMPTY=old chpst -e /ed sh -c 'echo $A \${EMPTY-unset} \${NL-unset}'`,
  "chpst -e /ed -e /ed2 env | sort",
  "chpst -e /ed -U app env | sort",
  "chpst -e /ed2 -U app env | sort; chpst -U app -e /ed2 env | sort",
  "chpst -e /ed env | od -c | grep -v PWD",
  "chpst -e /nosuch true",
  "chpst -e /etc/passwd true",
  "chpst -e /big true",
  "cd /; chpst -e ed env | sort",
  "chpst -e /path local-command",
  "chpst -u nobody -e /closed true; chpst -u nobody chpst -e /closed true",
  // Arguments and programs.
  'chpst -b other sh -c \'echo $0; tr "\\0" " " </proc/$$/cmdline\'',
  "chpst nosuch; echo $?; chpst /nosuch; echo $?; chpst /etc/passwd; echo $?; chpst /tmp; echo $?; chpst /bad/text",
  'env -u PATH /bin/sh -c "$(command -v chpst) true"',
  "chpst sh -c 'exit 42'",
  "chpst sh -c 'kill -9 $$'",
  "chpst -- sh -c 'echo -u'",
  "chpst sh -c 'echo $*' sh -u app",
  // Nice value and root.
  ...["5", "+5", "-5", "100", "0", "x", "5x"].map((inc) => `chpst -n ${inc} nice`),
  "chpst -u app -n -5 sh -c 'nice; id -u'",
  "chpst -u nobody chpst -n -5 nice",
  "chpst -/ / sh -c 'pwd; id -u'",
  "cd /tmp; chpst -/ /jail /bin/hello; echo $?; chpst -/ /nosuch true; echo $?; chpst -u app chpst -/ / true",
  // As daemontools' commands.
  "setuidgid app id; setuidgid nosuch id; setuidgid app; setuidgid",
  "envuidgid app env | grep ID | sort; envuidgid nosuch true; envuidgid app",
  "envdir /ed2 env | sort; envdir /ed true; envdir /nosuch true; envdir /ed2",
  "pgrphack sh -c 'set -- $(cat /proc/$$/stat); [ $1 = $6 ] && echo leads'; pgrphack",
  "softlimit -o 30 -c 0 -p 77 -s 1000000 cat /proc/self/limits; softlimit -o x true; softlimit -o 5; softlimit -q 3 true",
  "chpst -o 20 softlimit -o = cat /proc/self/limits",
  "setlock lk echo got; setlock -x lk echo got; setlock nodir/lk true; setlock -x nodir/lk true; echo $?; setlock lk; rm lk",
  // Limits: the soft one, never above the hard one. A binary with sanitizers needs 20 TB of memory that it does not use.
  ...[
    "-o 10",
    "-p 100",
    "-c 0",
    "-c 1024",
    "-d 30000000000000",
    "-m 40000000000000",
    "-t 5",
    "-f 10240",
    "-r 100000",
    "-o 999999999",
  ].map((limit) => `chpst ${limit} cat /proc/self/limits`),
  "chpst -m 40000000000000 -d 30000000000000 cat /proc/self/limits; chpst -d 30000000000000 -m 40000000000000 cat /proc/self/limits",
  "chpst -u app -o 50 -p 70 cat /proc/self/limits",
  "chpst -o 20 chpst -o 50 cat /proc/self/limits",
  ...["x", "10x", "-1", "1e3"].map((number) => `chpst -o ${number} true`),
  // Sessions and descriptors.
  "chpst -P sh -c 'set -- $(cat /proc/$$/stat); [ $1 = $5 ] && [ $1 = $6 ] && echo leads'",
  "setsid --wait chpst -P echo anyway",
  ...["-0", "-1", "-2", "-012", "-0P1"].map(
    (option) => `chpst ${option} sh -c 'ls /proc/$$/fd >/tmp/fds'; cat /tmp/fds`,
  ),
  // Locks.
  "rm -f lk; chpst -l lk stat -c '%a %s' lk; chpst -L lk echo got it",
  "chpst -L lk sh -c 'chpst -L lk true; echo $?'",
  "chpst -L lk sh -c 'exec 3>&-; chpst -L lk true; echo $?'",
  "chpst -l lk sh -c 'chpst -l lk echo second 3>&- 4>&- >>out & sleep 0.2; echo first >>out'; until grep -q second out; do sleep 0.01; done; cat out; rm out",
  "chpst -l nodir/lk true",
  "chpst -u app -l /root/lk true; echo $?; chpst -u app -l /tmp/app-lk stat -c %U /tmp/app-lk; rm -f /tmp/app-lk",
  "echo kept >lk; chpst -l lk cat lk; rm lk",
  // Wrong command lines.
  ...["", "-x true", "-V", "-u", "-u root", "-L lk -L lk2 true", "-l lk -L lk true", "-ou 10 true"].map(
    (args) => `chpst ${args}`,
  ),
  "chpst -v -vv -n 1 nice",
];

/** Where ours does better on purpose: runit makes root of the first, and takes what is no number for 0. */
const BETTER: Readonly<Record<string, string>> = {
  "chpst -u :4294967296:1 id": "=> 111",
  "chpst -u :1234 id": "uid=1234 gid=1234 groups=1234\n=> 0",
  "chpst -u 1000 id -un": "app\n=> 0",
  "chpst -u :1: id": "=> 111",
  "chpst -u app chpst -u app id -un": "app\n=> 0",
  "chpst -n - nice": "=> 100",
  "chpst -o '' true": "=> 100",
  "chpst -e /dangling env | grep -c GONE": "0\n=> 1",
  "chpst -e /odd env | grep -c odd": "0\n=> 1",
  // runit's waits with -n and fails at once without.
  "setlock lk sh -c 'setlock -n lk echo second; echo $?'; rm -f lk": "111\n=> 0",
  // Debian 12's runit has no -C.
  "chpst -C /ed pwd": "/ed\n=> 0",
  "chpst -/ / -C /ed -u app pwd": "/ed\n=> 0",
  "chpst -C /nosuch pwd": "=> 111",
};

/** The names that `chpst` goes by. */
const LINKS = "chpst setuidgid envuidgid envdir pgrphack setlock softlimit";

const FILES = {
  "/ed/A": "v1\nv2\n",
  "/ed/TRAILING": "trail \t \n",
  "/ed/NULS": "a\0b\0",
  "/ed/BOTH": "a  \0 \t\n",
  "/ed/EMPTY": "",
  "/ed/NL": "\n",
  "/ed/BLANKS": "  \n",
  "/ed/LEADING": "  lead",
  "/ed/CR": "x\r\n",
  "/ed/BYTES": Buffer.from([0xff, 0xfe, 0x80]),
  "/ed/.hidden": "no",
  "/ed/directory": { directory: true },
  "/ed/LINK": { link: "A" },
  "/ed2/A": "second",
  "/ed2/UID": "7777",
  "/big/BIG": "x".repeat(300_000),
  "/path/PATH": "/local:/usr/bin:/bin",
  "/local/local-command": { content: "#!/bin/sh\necho found\n", mode: 0o755 },
  "/closed": { directory: true, mode: 0o711 },
  "/closed/A": { content: "secret", mode: 0o600 },
  "/bad/text": { content: "echo no shebang\n", mode: 0o755 },
  "/dangling/GONE": { link: "nowhere" },
  "/dangling/A": "v",
  "/odd/odd=name": "v",
  "/sbin/setlock": { link: "shipshape" },
  "/desk": { directory: true, mode: 0o1777 },
} as const;

async function results(box: Container, binary: string): Promise<string[]> {
  const all: string[] = [];
  for (const text of SAME) {
    const { code, stdout, stderr } = await box.exec(
      `mkdir -p /sh; for name in ${LINKS}; do ln -sf ${binary} /sh/$name; done; PATH=/sh:$PATH; cd /desk; ${text}`,
    );
    all.push(`$ ${text}\n${stdout}=> ${code}, ${stderr === "" ? "silent" : "says something"}`);
  }
  return all;
}

test("A84 chpst does and returns what runit's chpst does", async () => {
  assert.ok(existsSync(RUNIT_CHPST), "this test compares with runit: apt-get install runit");
  // Two boxes, so that neither finds files of the other.
  await using runit = await boot({ command: ["sleep", "1000"], files: FILES });
  await using ours = await boot({ command: ["sleep", "1000"], files: FILES });
  const [theirs, mine] = await Promise.all([results(runit, RUNIT_CHPST), results(ours, "/sbin/shipshape")]);
  assert.deepEqual(mine, theirs);
}, 180_000);

test("A84 chpst refuses what runit misreads, and runs what needs no privilege", async () => {
  await using box = await boot({ command: ["sleep", "1000"], files: FILES });
  for (const [text, expected] of Object.entries(BETTER)) {
    const { code, stdout } = await box.exec(text);
    assert.equal(`${stdout}=> ${code}`, expected, text);
  }
});

test("A84 chpst says what it could not do and why", async () => {
  await using box = await boot({ command: ["sleep", "1000"], files: FILES });
  const messages: Readonly<Record<string, string>> = {
    "chpst nosuch": "chpst: cannot run nosuch: it is in no directory of PATH\n",
    "chpst /nosuch": "chpst: cannot run /nosuch: no such file\n",
    "chpst /etc/passwd": "chpst: cannot run /etc/passwd: is not executable: chmod +x /etc/passwd\n",
    "chpst /bad/text": "chpst: cannot run /bad/text: has no #! line: begin it with #!/bin/sh\n",
    "chpst -u nosuch true": 'chpst: cannot become "nosuch": no user "nosuch" in /etc/passwd\n',
    "chpst -u app:nosuch true": 'chpst: cannot become "app:nosuch": no group "nosuch" in /etc/group\n',
    "chpst -e /nosuch true": "chpst: cannot read the directory /nosuch: No such file or directory\n",
    "chpst -L /desk/lk chpst -L /desk/lk true": "chpst: cannot lock /desk/lk: another process holds it\n",
  };
  for (const [text, expected] of Object.entries(messages)) {
    const { code, stderr } = await box.exec(text);
    assert.equal(`${stderr}=> ${code}`, `${expected}=> 111`, text);
  }
});
