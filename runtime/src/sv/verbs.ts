import { COMMANDS, type Command, type ServiceStatus } from "../../../lib/control/protocol.ts";

/**
 * What has to be true of a service for a verb to have taken effect:
 *
 * - `any`: nothing, the command was sent
 * - `run`: its process runs
 * - `new`: another process runs than before, or it is down and is meant to be
 * - `down`: nothing runs, `finish` included
 * - `gone`: as `down`; being unsupervised counts too
 * - `requested`: whichever of `run` and `down` was last asked for
 */
export type Goal = "any" | "run" | "new" | "down" | "gone" | "requested";

/** A word after `sv`, and what it means. */
export interface Verb {
  /** Sent in this order. */
  readonly commands: readonly Command[];
  readonly goal: Goal;
  /** Whether a running service must also pass its `./check` script. */
  readonly check: boolean;
  /** Whether to wait for the goal and report even without `-v`. */
  readonly waits: boolean;
  /** Whether to send KILL when the goal was not reached in time. */
  readonly kills: boolean;
}

function waiting(commands: readonly Command[], goal: Goal, check = false): Verb {
  return { commands, goal, check, waits: true, kills: false };
}

const RESTART = waiting(["term", "cont", "up"], "new", true);
const TRY_RESTART = waiting(["term", "cont"], "new");
const STOP = waiting(["down"], "down");
const SHUTDOWN = waiting(["exit"], "gone");

/** Words that must be written out. */
const WORDS: Readonly<Record<string, Verb>> = {
  start: waiting(["up"], "run", true),
  stop: STOP,
  reload: waiting(["hup"], "any"),
  restart: RESTART,
  shutdown: SHUTDOWN,
  "try-restart": TRY_RESTART,
  check: waiting([], "requested", true),
  "force-stop": { ...STOP, kills: true },
  "force-reload": { ...TRY_RESTART, kills: true },
  "force-restart": { ...RESTART, kills: true },
  "force-shutdown": { ...SHUTDOWN, kills: true },
};

/** Words by their first letter alone, in capitals: as the `force-` word, which also waits, and kills. */
const CAPITALS: Readonly<Record<string, keyof typeof WORDS>> = {
  D: "force-stop",
  T: "force-reload",
  X: "force-shutdown",
  E: "force-shutdown",
};

/** All words, for people who look for the right one. */
export const COMMAND_WORDS: readonly string[] = ["status", "pid", ...Object.keys(WORDS), ...COMMANDS];

/** Goals of the plain commands that are worth waiting for with `-v`. */
const GOALS: Readonly<Partial<Record<Command, Goal>>> = {
  up: "run",
  once: "run",
  down: "down",
  term: "new",
  exit: "gone",
};

/**
 * Returns the meaning of a word: one that is written out (`pid` among them), else, by its first letter alone, `status`, a plain command
 * (`x` is `exit` too) or, for `D`, `T`, `X` and `E`, a `force-` word. `null` when it has none.
 * @see sv(8)
 */
export function findVerb(word: string): Verb | "status" | "pid" | null {
  if (word === "pid") return word;
  if (Object.hasOwn(WORDS, word)) return WORDS[word] ?? null;
  const letter = word.charAt(0);
  if (letter === "s") return "status";
  const capital = Object.hasOwn(CAPITALS, letter) ? CAPITALS[letter] : undefined;
  if (capital !== undefined) return WORDS[capital] ?? null;
  const command = letter === "x" ? "exit" : COMMANDS.find((name) => name.charAt(0) === letter);
  if (command === undefined) return null;
  return { commands: [command], goal: GOALS[command] ?? "any", check: command === "up", waits: false, kills: false };
}

/** Whether the goal is reached, `./check` apart. @param before the status that the first command was answered with */
export function isReached(goal: Goal, before: ServiceStatus, now: ServiceStatus): boolean {
  const { state, want } = now;
  switch (goal) {
    case "any":
      return true;
    case "run":
      return state === "run";
    case "new":
      return state === "run" ? now.pid !== before.pid : state === "down" && want === "down";
    case "down":
    case "gone":
      return state === "down";
    case "requested":
      // A service told to run once runs although it is wanted down; one on its way down has got TERM.
      return state === "run" ? want === "up" || !now.term : state === want;
  }
}
