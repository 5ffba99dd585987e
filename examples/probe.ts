import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Container } from "../tools/container.ts";
import { top } from "../tools/setup/places.ts";

/** What each verb of `probe.mjs` answers; times in milliseconds, `null` for what did not happen in time. */
interface Answers {
  page: { readonly text: string | null };
  "kill-nginx": { readonly killed: number; readonly backMs: number | null };
  "kill-nginx-master": { readonly backMs: number | null };
  orphans: { readonly inherited: number; readonly zombies: number };
}

/** Runs a verb of `probe.mjs` inside one of the examples' containers. */
export async function probe<V extends keyof Answers>(
  container: Container,
  verb: V,
  ...args: readonly string[]
): Promise<Answers[V]> {
  const input = readFileSync(join(top, "examples/probe.mjs"));
  const command = ["node", "--input-type=module", "-", verb, ...args];
  const { code, stdout, stderr } = await container.exec(command, { input });
  if (code !== 0) throw new Error(`cannot probe ${container.name} (${verb}): status ${code}\n${stdout}${stderr}`);
  return JSON.parse(stdout) as Answers[V];
}
