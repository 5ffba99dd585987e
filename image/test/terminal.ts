import { type ChildProcess, spawn } from "node:child_process";
import { eventually } from "../../runtime/test/harness/deadline.ts";

/** A person at a terminal: a command that runs on a pseudo-terminal of its own. */
export interface Terminal {
  /** Types characters; `\r` is Enter, `\x03` Ctrl-C, `\x1a` Ctrl-Z. */
  type(text: string): void;
  /** Waits until the screen has shown `text` since the last call that found something. */
  sees(text: string): Promise<void>;
  /** The command's exit code, once it has ended. */
  readonly exitCode: Promise<number>;
  /** Everything shown so far. */
  screen(): string;
  close(): void;
}

/** Opens a terminal with a command on it, by script(1) of util-linux, which every Debian and Ubuntu has. */
export function openTerminal(command: readonly string[], env: Readonly<Record<string, string>>): Terminal {
  const quoted = command.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ");
  const child: ChildProcess = spawn("script", ["--quiet", "--return", "--flush", "--command", quoted, "/dev/null"], {
    stdio: ["pipe", "pipe", "inherit"],
    env: { ...process.env, ...env, SHELL: "/bin/sh" },
  });
  let shown = "";
  let seen = 0;
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    shown += text;
  });
  child.stdin?.on("error", () => {});
  const exitCode = new Promise<number>((resolve, reject) => {
    child.once("error", reject).once("close", (code) => resolve(code ?? -1));
  });
  exitCode.catch(() => {});
  return {
    exitCode,
    type: (text) => child.stdin?.write(text),
    screen: () => shown,
    close: () => child.kill("SIGKILL"),
    async sees(text) {
      const found = async (): Promise<void> => {
        await eventually(`the terminal shows ${JSON.stringify(text)}`, () => shown.includes(text, seen));
      };
      await found().catch((error: Error) => {
        throw new Error(`${error.message}; it shows:\n${shown.slice(seen)}`);
      });
      seen = shown.indexOf(text, seen) + text.length;
    },
  };
}
