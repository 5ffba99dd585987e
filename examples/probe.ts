import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Container } from "../host/engines/container.ts";
import { top } from "../tools/setup/places.ts";

/** What each verb of `probe.mjs` answers; times in milliseconds, `null` for what did not happen in time. */
interface Answers {
  page: { readonly text: string | null; readonly tookMs: number };
  "kill-nginx": { readonly killed: number; readonly backMs: number | null };
  "kill-nginx-master": { readonly backMs: number | null };
  /** `tookMs` is from the end of the last orphan until no zombie was left. */
  orphans: { readonly inherited: number; readonly zombies: number; readonly tookMs: number };
  "crash-worker": { readonly backMs: number | null };
}

/** What a probe needs besides its wait: the engine's command, Node.js's start, the work before what is awaited. */
const OWN_LIMIT_MS = 300_000;

/**
 * Runs a verb of `probe.mjs` inside one of the examples' containers.
 * @param limitMs how long the awaited event may take
 */
export async function probe<V extends keyof Answers>(
  container: Container,
  verb: V,
  limitMs: number,
  ...args: readonly number[]
): Promise<Answers[V]> {
  const input = readFileSync(join(top, "examples/probe.mjs"));
  const command = ["node", "--input-type=module", "-", verb, ...[limitMs, ...args].map(String)];
  const { code, stdout, stderr } = await container.exec(command, { input, timeoutMs: limitMs + OWN_LIMIT_MS });
  if (code !== 0) throw new Error(`cannot probe ${container.name} (${verb}): status ${code}\n${stdout}${stderr}`);
  return JSON.parse(stdout) as Answers[V];
}
