import { EVENT_DEADLINE_MS, TIME_SCALE } from "./deadline.ts";

/** What the programs in a box wrote: standard output and standard error apart, and both in order of arrival. */
export class Output {
  stdout = "";
  stderr = "";
  /** Both streams, in the order in which the test received them. */
  text = "";
  #listeners = new Set<() => void>();

  /** Takes a chunk in. */
  add(stream: "stdout" | "stderr", chunk: Buffer): void {
    const text = chunk.toString("utf8");
    this[stream] += text;
    this.text += text;
    for (const listener of [...this.#listeners]) listener();
  }

  /** The complete lines so far, without their line ends. */
  get lines(): string[] {
    return this.text.split("\n").slice(0, -1);
  }

  /** How often `what` was written so far. */
  count(what: string | RegExp): number {
    if (typeof what === "string") return this.text.split(what).length - 1;
    return [...this.text.matchAll(new RegExp(what.source, `${what.flags.replace("g", "")}g`))].length;
  }

  /**
   * Waits until `what` has been written `times` times. The deadline starts again with each of them.
   * @returns the last of those matches
   * @throws when the deadline passes
   */
  sees(what: string | RegExp, times = 1, deadlineMs = EVENT_DEADLINE_MS): Promise<RegExpMatchArray> {
    const pattern =
      typeof what === "string"
        ? new RegExp(what.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"), "g")
        : new RegExp(what.source, `${what.flags.replace("g", "")}g`);
    return new Promise((resolve, reject) => {
      let count = 0;
      const look = () => {
        const matches = [...this.text.matchAll(pattern)];
        const match = matches[times - 1];
        if (matches.length > count) timer.refresh();
        count = matches.length;
        if (match === undefined) return;
        clearTimeout(timer);
        this.#listeners.delete(look);
        resolve(match);
      };
      const limitMs = deadlineMs * TIME_SCALE;
      const timer = setTimeout(() => {
        this.#listeners.delete(look);
        const often = times === 1 ? "" : ` ${times} times (${this.count(what)} so far)`;
        reject(
          new Error(`gave up after ${limitMs} ms waiting until the output has ${JSON.stringify(String(what))}${often}`),
        );
      }, limitMs);
      this.#listeners.add(look);
      look();
    });
  }
}
