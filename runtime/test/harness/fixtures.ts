import assert from "node:assert/strict";

/**
 * Shell text of a program that says `ready` on stderr and then waits for ever, but runs these commands on these signals at once.
 * @param traps shell text by signal; `""` ignores the signal, in the program's children too
 */
export function waiting(traps: Readonly<Record<string, string>> = {}, ready = "ready"): string {
  const lines = Object.entries(traps).map(([signal, text]) => `trap '${text}' ${signal}`);
  return `${lines.join("\n")}
# A shell runs a trap only when its foreground command has ended, but at once in "wait".
sleep 1000 &
# A signal that comes between fork and exec of the child would be lost: the shell's traps swallow it.
until read -r name </proc/$!/comm && [ "$name" = sleep ]; do :; done
echo ${ready} >&2
while kill -0 $! 2>/dev/null; do wait $!; done`;
}

/** Shell text that leaves this many orphans named `cat`, which all end when the process whose pid is in /tmp/gatekeeper does. */
export function gated(count: number): string {
  return `mkfifo /tmp/gate; exec 9<>/tmp/gate
for i in $(seq ${count}); do (cat </tmp/gate 9<&- &); done
sleep 1000 & echo $! >/tmp/gatekeeper
exec 9<&-`;
}

/** Shell text of one process that says `stubborn` on stderr and can be ended by KILL only. */
export const STUBBORN = "trap '' TERM INT HUP; echo stubborn >&2; exec sleep 1000";

/** Fails unless every part is in the text, each after the one before. */
export function assertOrder(text: string, parts: readonly string[]): void {
  let from = 0;
  for (const part of parts) {
    const at = text.indexOf(part, from);
    assert.notEqual(
      at,
      -1,
      `${JSON.stringify(part)} is ${text.includes(part) ? "out of order" : "missing"} in:\n${text}`,
    );
    from = at + part.length;
  }
}
