import type { Account } from "../../../../lib/linux/accounts.ts";
import { formatEnvironBlock } from "../../../../lib/linux/environment.ts";
import type { Children } from "../../base/children.ts";
import { idsToTake } from "../../base/credentials.ts";
import { explain, findProgram, spawn } from "../../base/programs.ts";
import { type Bytes, SpawnFlag, type Sys } from "../../sys.ts";
import type { Job } from "../job.ts";
import { fileOf } from "./program.ts";
import type { Follower } from "./run.ts";

/** Of more output than this, the end is only in the log. */
const MAX_MAIL_BYTES = 1 << 18;
const ADDRESS_MARKS = "@._+-!%:,";

/** Everything that is needed to mail a job's output. */
export interface Mail {
  readonly sys: Sys;
  readonly children: Children;
  readonly variables: ReadonlyMap<Bytes, Bytes>;
  readonly account: Account;
  /** Reports why a mail cannot be sent. */
  readonly failed: (reason: Bytes) => void;
}

/** Mails a run's output when it has ended and said something; `null` when `MAILTO` names nobody, or no `sendmail` is installed. */
export function mailFor(job: Job, mail: Mail): Follower | null {
  const { sys, variables } = mail;
  const to = variables.get("MAILTO") ?? "";
  const program = to === "" ? 127 : findProgram(sys, "sendmail", `${variables.get("PATH")}:/usr/sbin:/usr/lib`);
  if (typeof program === "number") return null;
  let text = "";
  return {
    line: (line) => {
      if (text.length < MAX_MAIL_BYTES) text += `${line}\n`;
    },
    ended: () => {
      if (text !== "") send(job, mail, program, to, text);
    },
  };
}

function send(
  job: Job,
  { sys, children, variables, account, failed }: Mail,
  program: Bytes,
  to: Bytes,
  text: Bytes,
): void {
  if (!isAddress(to)) {
    failed(`cannot mail its output: MAILTO="${to}" is no address`);
    return;
  }
  const host = sys.hostname();
  const command = typeof job.program === "string" ? job.program : job.program.text;
  const header = [
    "From: root (Cron Daemon)",
    `To: ${to}`,
    `Subject: Cron <${job.user}@${typeof host === "string" ? host : "localhost"}> ${command}`,
    "Auto-Submitted: auto-generated",
    "MIME-Version: 1.0",
    "Content-Type: text/plain; charset=UTF-8",
    "Content-Transfer-Encoding: 8bit",
  ];
  const input = fileOf(sys, `${header.join("\n")}\n\n${text}`);
  if (input < 0) {
    failed(`cannot mail its output: it cannot be kept for ${program}: ${sys.strerror(-input)}`);
    return;
  }
  const pid = spawn(sys, {
    path: program,
    argv: [program, "-FCronDaemon", "-i", "-oem", to],
    env: formatEnvironBlock(variables),
    cwd: "/",
    stdio: [input, -1, -1],
    flags: SpawnFlag.Session,
    ids: idsToTake(sys, account),
  });
  sys.close(input);
  if (pid < 0) failed(`cannot mail its output: ${program} ${explain(sys, program, -pid)}`);
  else
    children.add(pid, {
      exited: (_, status) => {
        if (status !== 0) failed(`cannot mail its output: ${program} failed (wait status ${status})`);
      },
    });
}

/** Nothing that sendmail could take for an option. */
function isAddress(text: Bytes): boolean {
  for (const c of text) {
    const plain = (c >= "a" && c <= "z") || (c >= "A" && c <= "Z") || (c >= "0" && c <= "9");
    if (!plain && !ADDRESS_MARKS.includes(c)) return false;
  }
  return !text.startsWith("-");
}
