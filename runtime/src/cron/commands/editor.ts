import { MAX_CRONTAB_BYTES } from "../../../../lib/cron/files.ts";
import { parseEnvironBlock } from "../../../../lib/linux/environment.ts";
import { shellStatus } from "../../../../lib/linux/wait-status.ts";
import { readFile, writeAll } from "../../base/files.ts";
import { explain, findProgram, spawn } from "../../base/programs.ts";
import { type Bytes, Open, Poll, type Sys } from "../../sys.ts";
import { type Access, confirm, listOf } from "./access.ts";

const EDITORS = ["editor", "nano", "vim", "vi"];
const TEMPLATE = `# m h  dom mon dow   command
# Minute, hour, day of the month, month, day of the week; or @reboot, @hourly, @daily, @weekly, @monthly.
# NAME=value lines set variables; CRON_TZ, CRON_TIMEOUT, CRON_OVERLAP, CRON_JITTER also say how the jobs below are run.
# Output goes to the container's log.
`;
const LOOK_MS = 1000;
/** Hang-up and the keys Ctrl-C and Ctrl-\ are the editor's: ours and its shell leave them be, as in Debian's crontab. */
const UNTROUBLED = 'trap "" HUP INT QUIT; exec "$0" crontab "$@"';

/** Lets the user's editor change the crontab until it is as it should be; the exit code. */
export function edit(sys: Sys, user: Bytes, access: Access, fail: (text: Bytes) => number): number {
  ignoreKeys(sys);
  const before = access.get();
  if (before !== null && typeof before !== "string") return fail(before.reason);
  const path = `/tmp/crontab.${sys.getpid()}.${Math.floor(Math.random() * 1e9)}`;
  const fd = sys.open(path, Open.Write | Open.Create | Open.Exclusive, 0o600);
  if (fd < 0) return fail(`cannot write ${path}: ${sys.strerror(-fd)}`);
  const written = writeAll(sys, fd, before ?? TEMPLATE);
  sys.close(fd);
  const code = written < 0 ? fail(`cannot write ${path}: ${sys.strerror(-written)}`) : editUntilGood();
  sys.unlink(path);
  return code;

  function editUntilGood(): number {
    for (;;) {
      const problem = runEditor(sys, path);
      if (problem !== null) return fail(`${problem}; nothing was changed`);
      const text = readFile(sys, path, MAX_CRONTAB_BYTES + 1);
      if (typeof text === "number") return fail(`cannot read ${path}: ${sys.strerror(-text)}; nothing was changed`);
      if (text === (before ?? TEMPLATE)) {
        writeAll(sys, 2, `crontab: nothing was changed for ${user}\n`);
        return 0;
      }
      const result = access.put(text);
      if (result === null) return 0;
      fail(typeof result === "string" ? result : `cannot use this:\n${listOf(path, result).trimEnd()}`);
      if (!confirm(sys, "crontab: edit it again?")) return fail("nothing was changed");
    }
  }
}

/** Starts this program again by way of a shell, which ignores those signals for it; does nothing the second time, or without a shell. */
function ignoreKeys(sys: Sys): void {
  const status = readFile(sys, "/proc/self/status");
  const line = typeof status === "string" ? status.split("\n").find((text) => text.startsWith("SigIgn:")) : undefined;
  const program = sys.readlink("/proc/self/exe");
  // The mask's last digit has INT as its second bit.
  if (line === undefined || typeof program !== "string" || Number.parseInt(line.slice(-1), 16) & 2) return;
  sys.execve("/bin/sh", ["sh", "-c", UNTROUBLED, program, ...sys.args.slice(1)].join("\0"), sys.environ);
}

/** Why the text was not edited, or `null`. */
function runEditor(sys: Sys, path: Bytes): string | null {
  const environment = parseEnvironBlock(sys.environ);
  const search = environment.get("PATH") ?? "/usr/bin:/bin";
  const chosen = environment.get("VISUAL") || environment.get("EDITOR");
  const editor = chosen || EDITORS.find((name) => typeof findProgram(sys, name, search) === "string");
  if (editor === undefined) return "cannot edit: there is no editor; install nano or vim-tiny, or set EDITOR";
  // The variable may hold options too: the shell splits them.
  const argv = ["/bin/sh", "-c", `${editor} "$1"`, "crontab", path];
  const pipe = sys.pipe();
  if (typeof pipe === "number") return `cannot make a pipe: ${sys.strerror(-pipe)}`;
  const [reader, writer] = pipe;
  const pid = spawn(sys, { path: "/bin/sh", argv, env: sys.environ, stdio: [0, 1, 2, writer] });
  sys.close(writer);
  const status = pid > 0 ? waitFor(sys, reader) : 0;
  sys.close(reader);
  if (pid < 0) return `cannot start /bin/sh: ${explain(sys, "/bin/sh", -pid)}`;
  return status === 0 ? null : `${editor} ended with status ${status}`;
}

/** A shell's `$?` of the only child, whose end closes `reader`, unless a grandchild still has it. */
function waitFor(sys: Sys, reader: number): number {
  const epoll = sys.epollCreate();
  sys.epollAdd(epoll, reader, Poll.In);
  for (let closed = false; ; ) {
    const reaped = sys.reap();
    if (reaped !== 0) {
      sys.close(epoll);
      return reaped > 0 ? shellStatus(reaped % 0x10000) : 1;
    }
    if (sys.epollWait(epoll, new Int32Array(2), closed ? 1 : LOOK_MS) < 1 || closed) continue;
    closed = true;
    sys.epollRemove(epoll, reader);
  }
}
