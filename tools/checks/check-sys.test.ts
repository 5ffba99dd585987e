import assert from "node:assert/strict";
import test from "node:test";
import { openFindings, spawnFlagFindings, sysFindings } from "./check-sys.ts";

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

test("openFindings() names a call that could wait for the other end of a FIFO", () => {
  const files = new Map([
    ["a.ts", "const fd = sys.open(path, Open.Write | Open.Create, 0o600);"],
    ["b.ts", "this.#sys.open(name, Open.Read, 0)"],
    ["c.ts", "sys.open(path, Open.Read | Open.NonBlock, 0); sys.open(path, Open.Write | Open.Exclusive, mode)"],
  ]);
  assert.deepEqual(
    openFindings(files).map((line) => line.slice(0, line.indexOf(":"))),
    ["a.ts", "b.ts"],
  );
});

test("spawnFlagFindings() names a bit that one side lacks or has with another value", () => {
  const declared = "export enum SpawnFlag {\n  None = 0,\n  /** x */\n  Session = 1,\n  Group = 2,\n}\n";
  assert.deepEqual(spawnFlagFindings(declared, "enum { SPAWN_SESSION = 1, SPAWN_GROUP = 2 };"), []);
  assert.deepEqual(spawnFlagFindings(declared, "enum { SPAWN_SESSION = 1, SPAWN_GROUP = 4 };"), [
    "runtime/native/native.h has no SPAWN_GROUP = 2, but SpawnFlag does",
    "SpawnFlag has no GROUP = 4, but runtime/native/native.h does",
  ]);
  assert.throws(() => spawnFlagFindings("", ""), /cannot find/);
});
