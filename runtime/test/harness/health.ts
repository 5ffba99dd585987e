import assert from "node:assert/strict";
import { type Container, SANITIZED } from "./container.ts";
import { eventually } from "./deadline.ts";

/** Every count of the torture tests is multiplied by this, so that a long run can be asked for, and a short one; no count comes to less than one. */
export const TORTURE = Number(process.env.TORTURE ?? "1");

/** For deadlines: those of a run with fewer repetitions are no shorter. */
export const LONGER = Math.max(1, TORTURE);

/** Allocators keep what was used once; what leaks grows by far more under thousands of repetitions. */
const MEMORY_SLACK_KB = 600;

/** What must not grow in an init that is well. */
export interface Vitals {
  readonly descriptors: readonly string[];
  readonly residentKb: number;
}

/** Takes the vitals of a box that answers about `service`, once its descriptors have settled: a client that left is still one for a moment. */
export async function vitals(box: Container, service: string): Promise<Vitals> {
  await eventually(`sv tells about ${service}`, async () =>
    (await box.sv("status", service)).includes(`: ${service}: `),
  );
  let last: readonly string[] = [];
  let same = 0;
  const descriptors = await eventually("the descriptors settle", () => {
    const now = targets(box);
    same = now.join() === last.join() ? same + 1 : 0;
    last = now;
    return same >= 5 && now;
  });
  return { descriptors, residentKb: box.residentKb() };
}

/**
 * Waits until the init is as it was: alive, answering, without zombies, with the same descriptors and about the same memory.
 * @param service a service that `sv` is asked about
 * @throws what differs
 */
export async function assertWell(box: Container, before: Vitals, service: string): Promise<void> {
  assert.equal(box.process(1)?.name, "my_init", "PID 1 is not my_init any more");
  await eventually(`sv tells about ${service}`, async () =>
    (await box.sv("status", service)).includes(`: ${service}: `),
  );
  await eventually("no zombie is left", () => box.zombies().length === 0);
  let now: readonly string[] = [];
  await eventually("the descriptors are what they were", () => {
    now = targets(box);
    return now.length === before.descriptors.length;
  }).catch(() => assert.deepEqual(now, before.descriptors));
  // AddressSanitizer keeps what was freed, to find those who still use it.
  if (SANITIZED) return;
  const grownKb = box.residentKb() - before.residentKb;
  assert.ok(grownKb < MEMORY_SLACK_KB, `resident memory grew by ${grownKb} kB from ${before.residentKb} kB`);
}

/** Descriptors by kind; inode numbers differ from one incarnation to the next. */
function targets(box: Container): string[] {
  return box
    .descriptors()
    .map((target) => target.replace(/\[\d+\]/, ""))
    .sort();
}
