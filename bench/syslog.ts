import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cacheDir } from "../tools/setup/places.ts";
import { EVENT_LIMIT_MS } from "./harness/board.ts";
import type { Claim, Goal } from "./harness/claim.ts";
import { digits, middle, percent } from "./harness/format.ts";
import { shipshapeBinary } from "./harness/inits.ts";
import { noisePercent, type Spread, spread } from "./harness/statistics.ts";
import type { Workspace } from "./harness/workspace.ts";

/** A program that reads /dev/log. */
interface Daemon {
  readonly name: string;
  readonly label: string;
  /** Debian package that holds it, with all that it needs; `null` for ours. */
  readonly package: string | null;
  /** Shell text that starts it, as its documentation has it, with `$root` for the unpacked package. */
  readonly start: string;
  /** Where the messages are afterwards. */
  readonly file: string;
  readonly settings?: Readonly<Record<string, string>>;
}

const LIBRARIES = "export LD_LIBRARY_PATH=$(find $root -name '*.so.*' -printf '%h:')";

/** What follows a file to the container's log, as the original image does it. */
const FOLLOW = "tail -n 0 -F /var/log/syslog 2>/dev/null &";

const daemons: readonly Daemon[] = [
  { name: "shipshape", label: "**shipshape**", package: null, start: "$shipshape my_init &", file: "/var/log/syslog" },
  {
    name: "busybox",
    label: "busybox syslogd + tail",
    package: "busybox",
    start: `: >/var/log/syslog; ${FOLLOW} $root/bin/busybox syslogd -n -O /var/log/syslog &`,
    file: "/var/log/syslog",
  },
  {
    name: "busybox-file",
    label: "busybox syslogd, file only",
    package: "busybox",
    start: "$root/bin/busybox syslogd -n -O /var/log/syslog &",
    file: "/var/log/syslog",
  },
  {
    name: "rsyslog",
    label: "rsyslog",
    package: "rsyslog",
    start: `${LIBRARIES}; $root/usr/sbin/rsyslogd -n -i NONE -M "$(echo $root/usr/lib/*/rsyslog)" -f /etc/rsyslog.conf &`,
    file: "/var/log/syslog",
    settings: {
      "rsyslog.conf": `module(load="imuxsock" SysSock.RateLimit.Interval="0")
template(name="old" type="string" string="%TIMESTAMP% %HOSTNAME% %syslogtag%%msg%\\n")
*.* action(type="omfile" file="/var/log/syslog" template="old")
*.* action(type="omfile" file="/dev/stdout" template="old")
`,
    },
  },
  {
    name: "syslog-ng",
    label: "syslog-ng",
    package: "syslog-ng-core",
    start: `${LIBRARIES}; $root/usr/sbin/syslog-ng -F --no-caps -f /etc/syslog-ng.conf --module-path "$(echo $root/usr/lib/syslog-ng/[0-9]*)" -R /run/persist -p /run/ng.pid -c /run/ng.ctl &`,
    file: "/var/log/syslog",
    settings: {
      "syslog-ng.conf": `@version: current
options { flush_lines(100); };
source s { unix-dgram("/dev/log"); };
destination f { file("/var/log/syslog"); };
destination c { file("/dev/stdout"); };
log { source(s); destination(f); destination(c); };
`,
    },
  },
];

/** An unpacked package with what is missing here of its dependencies. Nothing is installed: two of them exclude each other. */
function unpack(name: string): string {
  const root = join(cacheDir, "bench", name);
  if (existsSync(join(root, "complete"))) return root;
  const archives = join(root, "archives");
  mkdirSync(join(archives, "partial"), { recursive: true });
  const options = ["-qq", "-y", "--no-install-recommends", "--download-only", "--reinstall"];
  execFileSync("apt-get", [...options, "-o", `Dir::Cache::archives=${archives}`, "install", name], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  for (const file of readdirSync(archives).filter((entry) => entry.endsWith(".deb"))) {
    execFileSync("dpkg", ["-x", join(archives, file), root]);
  }
  writeFileSync(join(root, "complete"), "");
  return root;
}

/** Private `/dev`, `/etc`, `/run` and `/var/log`; then the daemon with a pipe as stdout, the sender, and the CPU time of the daemon's processes. */
const SCRIPT = `
set -eu
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /var/log
mount -t tmpfs tmpfs "$scratch"
mkdir "$scratch/dev" "$scratch/etc"
for name in null zero urandom; do cp -a /dev/$name "$scratch/dev/"; done
ln -s /proc/self/fd/1 "$scratch/dev/stdout"
cp /etc/passwd /etc/group /etc/hosts "$scratch/etc/"
cp -r "$settings/." "$scratch/etc/"
mount --bind "$scratch/etc" /etc
mount --bind "$scratch/dev" /dev
mkfifo /run/out
cat /run/out >/dev/null & reader=$!
( exec >/run/out 2>/dev/null; eval "$start"; wait ) & shell=$!
for i in $(seq 30000); do test -S /dev/log && break; sleep 0.01; done
sleep 0.5
ticks() {
  sum=0
  for stat in /proc/[0-9]*/stat; do
    pid=\${stat#/proc/}; pid=\${pid%/stat}
    case $pid in 1|$$|$reader|$shell) continue;; esac
    line=$(cat $stat 2>/dev/null) || continue
    set -- \${line##*) }
    sum=$((sum + \${12} + \${13}))
  done
  echo $sum
}
before=$(ticks)
took=$("$sender" "$count")
last=$(printf 'number=%08d' $((count - 1)))
for i in $(seq 30000); do tail -n 1 "$file" 2>/dev/null | grep -q "$last" && break; sleep 0.02; done
tail -n 1 "$file" | grep -q "$last" || { echo "the last message is not in $file" >&2; exit 1; }
sleep 0.3
echo "$took $(($(ticks) - before))"
`;

interface Run {
  readonly perSecond: number;
  readonly cpuUs: number;
}

function runOnce(workspace: Workspace, daemon: Daemon, count: number): Run {
  const settings = workspace.scratch();
  const files: Readonly<Record<string, string>> = daemon.settings ?? { "shipshape/logd.conf": "LOG_ROTATE_SIZE=off\n" };
  mkdirSync(join(settings, "shipshape"));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(settings, name), text);
  const output = execFileSync(
    "unshare",
    ["--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--uts", "sh", "-c", SCRIPT],
    {
      encoding: "utf8",
      timeout: 2 * EVENT_LIMIT_MS,
      env: {
        PATH: "/usr/sbin:/usr/bin:/sbin:/bin",
        scratch: workspace.scratch(),
        settings,
        start: daemon.start,
        file: daemon.file,
        root: daemon.package === null ? "" : unpack(daemon.package),
        shipshape: shipshapeBinary,
        sender: workspace.fixture("syslog"),
        count: String(count),
      },
    },
  );
  const [ns = 0, ticks = 0] = output.trim().split(" ").map(Number);
  return { perSecond: (count / ns) * 1e9, cpuUs: (ticks * 10_000) / count };
}

export const syslog: Claim = {
  name: "syslog",
  title: "Syslog",
  how: "One sender writes 500,000 messages of 120 bytes (50,000 in a quick run) to /dev/log as fast as they are taken; they are in a file and on stdout afterwards, which is a pipe to `cat`. CPU time is that of all processes of the daemon; with busybox also that of the `tail -F` that follows its file, for it writes to one place only. File systems are in memory.",
  async measure(bench) {
    const count = bench.quick ? 50_000 : 500_000;
    const measured = new Map<string, { cpu: number[]; speed: number[] }>();
    const wanted = daemons.filter(
      ({ name }) => bench.inits.some((init) => init.name === "shipshape") || name !== "shipshape",
    );
    for (let turn = 0; turn < (bench.quick ? 1 : 5); turn++) {
      for (const daemon of wanted) {
        const values = measured.get(daemon.name) ?? { cpu: [], speed: [] };
        const { cpuUs, perSecond } = runOnce(bench.workspace, daemon, count);
        values.cpu.push(cpuUs);
        values.speed.push(perSecond);
        measured.set(daemon.name, values);
      }
    }
    const of = (name: string, what: "cpu" | "speed"): Spread | null => {
      const values = measured.get(name)?.[what];
      return values === undefined ? null : spread(values);
    };
    return {
      tables: [
        {
          title: "Messages to a file and to stdout",
          columns: ["", "CPU per message, µs", "messages a second", "noise"],
          rows: wanted.map(({ name, label }) => {
            const cpu = of(name, "cpu");
            return [label, middle(cpu), middle(of(name, "speed")), cpu === null ? "–" : percent(noisePercent(cpu))];
          }),
        },
      ],
      goals: goalsOf(of),
      samples: Object.fromEntries(
        [...measured].flatMap(([name, { cpu, speed }]) => [
          [`${name}, CPU µs`, cpu],
          [`${name}, messages/s`, speed],
        ]),
      ),
    };
  },
};

function goalsOf(of: (name: string, what: "cpu" | "speed") => Spread | null): Goal[] {
  const [cpu, theirCpu] = [of("shipshape", "cpu"), of("busybox", "cpu")];
  const [speed, theirSpeed] = [of("shipshape", "speed"), of("busybox", "speed")];
  if (cpu === null || theirCpu === null || speed === null || theirSpeed === null) return [];
  return [
    {
      what: "CPU per syslog message, to file and container's log",
      atMost: "busybox syslogd's",
      measured: `${digits(cpu.median / theirCpu.median)} × (${digits(cpu.median)} µs)`,
      met: cpu.median <= theirCpu.median,
      kind: "measure",
    },
    {
      what: "time per syslog message, one sender",
      atMost: "busybox syslogd's",
      measured: `${digits(theirSpeed.median / speed.median)} × (${digits(speed.median)} messages/s)`,
      met: speed.median >= theirSpeed.median,
      kind: "measure",
    },
  ];
}
