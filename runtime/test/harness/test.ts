import { AsyncLocalStorage } from "node:async_hooks";
import nodeTest from "node:test";
import { TIME_SCALE } from "./deadline.ts";

const logsOfTest = new AsyncLocalStorage<Array<() => string>>();

/** What a failing test prints in addition to its error. */
export const failureLogs = {
  /** Adds a text, made when the test fails, to the test that is running. */
  add(log: () => string): void {
    logsOfTest.getStore()?.push(log);
  },
};

/** A test that cannot be done here, which the run tells with the reason. */
export function skip(title: string, reason: string): void {
  nodeTest(title, { skip: reason });
}

/**
 * A test whose failure shows the output of every box that it booted.
 * @param limitMs the test fails when it takes longer, in milliseconds
 */
export function test(title: string, body: () => Promise<void>, limitMs = 60_000): void {
  nodeTest(title, { timeout: limitMs * TIME_SCALE }, () =>
    logsOfTest.run([], async () => {
      try {
        await body();
      } catch (error) {
        const logs = (logsOfTest.getStore() ?? []).map((log) => log());
        if (error instanceof Error) error.message = [error.message, ...logs].join("\n");
        throw error;
      }
    }),
  );
}
