import type { Container } from "../../host/engines/container.ts";
import { eventually } from "../../runtime/test/harness/deadline.ts";

/** It only ends a hang. */
const LIMIT_MS = 180_000;

/** Waits until the container's log holds all of these. */
export async function shows(container: Container, ...texts: readonly (string | RegExp)[]): Promise<void> {
  let log = "";
  for (const text of texts) {
    const found = async (): Promise<boolean> => {
      log = await container.logs();
      return typeof text === "string" ? log.includes(text) : text.test(log);
    };
    await eventually(`the log of ${container.name} holds ${text}`, found, LIMIT_MS).catch((error: Error) => {
      throw new Error(`${error.message}; it holds:\n${log}`);
    });
  }
}
