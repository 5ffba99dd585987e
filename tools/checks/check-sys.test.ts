import assert from "node:assert/strict";
import test from "node:test";
import { sysFindings } from "./check-sys.ts";

const DECLARED = `
export interface Sys {
  readonly args: string[];
  /** @see open(2) */
  open(path: Path, flags: number): number;
  // ---- more ----
  spawn(
    program: Path,
    stdio: readonly number[],
  ): number;
}
`;
const SOURCE = "sys.open(path, 0); this.#sys.spawn(path, []);";

test("sysFindings() finds nothing when all have the same calls", () => {
  assert.deepEqual(sysFindings(DECLARED, "DIRECT(open, TEXT(0), INT(1))\nSYS(spawn) {\n", SOURCE), []);
});

test("sysFindings() names a call without a native function", () => {
  assert.deepEqual(sysFindings(DECLARED, "DIRECT(open)\n", SOURCE), [
    "runtime/native/sys.c has no function of Sys.spawn",
  ]);
});

test("sysFindings() names a native function that the interface lacks", () => {
  assert.deepEqual(sysFindings(DECLARED, "DIRECT(open) DIRECT(close)\nSYS(spawn) { return 0; }\n", SOURCE), [
    "interface Sys has no close, but runtime/native/sys.c does",
  ]);
});

test("sysFindings() names a call that is never made", () => {
  assert.deepEqual(sysFindings(DECLARED, "DIRECT(open)\nSYS(spawn) {\n", "sys.open(sys.spawned)"), [
    "nothing in runtime/src calls Sys.spawn: remove it",
  ]);
});

test("sysFindings() throws when it sees no interface", () => {
  assert.throws(() => sysFindings("", "SYS(spawn) {\n", ""), /cannot find interface Sys/);
});
