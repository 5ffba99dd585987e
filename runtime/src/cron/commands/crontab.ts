import { MAX_CRONTAB_BYTES } from "../../../../lib/cron/files.ts";
import { findUser } from "../../../../lib/linux/accounts.ts";
import { parseOptions } from "../../../../lib/text/getopt.ts";
import { readFile, writeAll } from "../../base/files.ts";
import { type Bytes, Errno, type Sys } from "../../sys.ts";
import { Access, confirm, flawsOf, listOf } from "./access.ts";
import { Unreachable } from "./client.ts";
import { edit } from "./editor.ts";

const USAGE = `usage: crontab [-u USER] FILE | -      install a crontab, - is standard input
       crontab [-u USER] -l           print it
       crontab [-u USER] -e           edit it
       crontab [-u USER] [-i] -r      remove it, -i asks first
       crontab -n FILE | -            only check
`;
const EXIT_FAILURE = 1;
const CHUNK_BYTES = 65_536;

/** Shows and changes users' crontabs; returns the exit code. @see docs/reference/crontab.md */
export function crontab(sys: Sys): number {
  const parsed = parseOptions(sys.args.slice(1), "u:lerin");
  const fail = (text: Bytes) => {
    writeAll(sys, 2, `crontab: ${text}\n`);
    return EXIT_FAILURE;
  };
  if (typeof parsed === "string") return fail(`${parsed}\n${USAGE.trimEnd()}`);
  const letters = parsed.options.map(([letter]) => letter).filter((letter) => letter !== "u" && letter !== "i");
  const [file, ...more] = parsed.operands;
  const [letter = ""] = letters;
  const needsFile = letter === "" || letter === "n";
  if (letters.length > 1 || more.length > 0 || needsFile !== (file !== undefined)) return fail(USAGE.trimEnd());
  const named = parsed.options.find(([option]) => option === "u")?.[1];
  const user = whose(sys, named);
  if (typeof user !== "string") return fail(user.reason);
  try {
    const access = new Access(sys, user);
    if (letter === "l") return print(sys, access, fail);
    if (letter === "r")
      return remove(
        sys,
        access,
        parsed.options.some(([option]) => option === "i"),
        fail,
      );
    if (letter === "e") return edit(sys, user, access, fail);
    const text = readInput(sys, file ?? "-");
    if (typeof text === "number") return fail(`cannot read ${file}: ${sys.strerror(-text)}`);
    const result = letter === "n" ? flawsOf(sys, text) : access.put(text);
    if (result === null) return 0;
    const where = file === "-" ? "standard input" : (file ?? "");
    return fail(
      typeof result === "string" ? result : `cannot use ${where}:\n${listOf(where, result)}nothing was changed`,
    );
  } catch (error) {
    if (!(error instanceof Unreachable)) throw error;
    return fail(`cannot talk to cron: ${error.message}`);
  }
}

function whose(sys: Sys, named: Bytes | undefined): Bytes | { readonly reason: Bytes } {
  const passwd = readFile(sys, "/etc/passwd");
  const text = typeof passwd === "string" ? passwd : "";
  const own = findUser(text, `${sys.getuid()}`)?.name;
  if (named === undefined) return own ?? { reason: `user id ${sys.getuid()} has no name in /etc/passwd` };
  if (findUser(text, named)?.name !== named) return { reason: `there is no user "${named}" in /etc/passwd` };
  if (sys.getuid() !== 0 && named !== own) return { reason: "only root may use -u" };
  return named;
}

function print(sys: Sys, access: Access, fail: (text: Bytes) => number): number {
  const text = access.get();
  if (text === null) return fail("there is no crontab");
  if (typeof text !== "string") return fail(text.reason);
  return writeAll(sys, 1, text) < 0 ? EXIT_FAILURE : 0;
}

function remove(sys: Sys, access: Access, asks: boolean, fail: (text: Bytes) => number): number {
  if (asks && !confirm(sys, "crontab: remove the crontab?")) return EXIT_FAILURE;
  const problem = access.remove();
  if (problem === null) return 0;
  return fail(problem === "none" ? "there is no crontab" : problem);
}

function readInput(sys: Sys, file: Bytes): Bytes | number {
  if (file !== "-") return readFile(sys, file, MAX_CRONTAB_BYTES + 1);
  let text = "";
  while (text.length <= MAX_CRONTAB_BYTES) {
    const chunk = sys.read(0, CHUNK_BYTES);
    if (chunk === -Errno.EINTR) continue;
    if (typeof chunk === "number") return chunk;
    if (chunk === "") break;
    text += chunk;
  }
  return text;
}
