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

/** How long a test may take, in milliseconds. It only ends a hang that has no deadline of its own. */
const TEST_LIMIT_MS = 200_000;

/**
 * A test whose failure shows the output of every box that it booted.
 * @param limitMs the test fails when it takes longer, in milliseconds
 */
export function test(title: string, body: () => Promise<void>, limitMs = TEST_LIMIT_MS): void {
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
