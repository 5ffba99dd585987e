import assert from "node:assert/strict";
import { test } from "node:test";
import { COMMANDS, type ServiceStatus, STATES } from "../../../lib/control/protocol.ts";
import { findVerb, type Goal, isReached, type Verb } from "./verbs.ts";

function verb(word: string): Verb {
  const found = findVerb(word);
  assert.ok(typeof found === "object" && found !== null, word);
  return found;
}

function status(state: ServiceStatus["state"], rest: Partial<ServiceStatus> = {}): ServiceStatus {
  const pid = state === "down" ? 0 : 12;
  return {
    serial: 1,
    state,
    pid,
    seconds: 0,
    normally: "up",
    want: "up",
    paused: false,
    term: false,
    log: null,
    dir: "/s",
    ...rest,
  };
}

test("findVerb() knows every plain command by its first letter, x for exit too", () => {
  for (const command of COMMANDS) {
    for (const word of [command, command.charAt(0), `${command.charAt(0)}!`]) {
      assert.deepEqual(verb(word).commands, [command], word);
      assert.equal(verb(word).waits, false, word);
    }
  }
  assert.deepEqual(verb("x").commands, ["exit"]);
});

test("findVerb() takes words with s for status, and waits only for those written out", () => {
  for (const word of ["s", "status", "stat", "sto", "starts"]) assert.equal(findVerb(word), "status", word);
  for (const word of ["start", "stop", "restart", "reload", "shutdown", "try-restart", "check"])
    assert.equal(verb(word).waits, true, word);
  assert.deepEqual(verb("restart").commands, ["term", "cont", "up"]);
  assert.deepEqual(verb("force-reload").commands, ["term", "cont"]);
});

test("findVerb() takes D, T, X and E for words with force-", () => {
  for (const [letter, word] of [
    ["D", "stop"],
    ["T", "reload"],
    ["X", "shutdown"],
    ["E", "shutdown"],
  ] as const) {
    assert.deepEqual(findVerb(letter), findVerb(`force-${word}`), letter);
    assert.deepEqual(findVerb(`${letter}own`), findVerb(`force-${word}`), letter);
  }
});

test("findVerb() knows pid only when it is written out; p is pause", () => {
  assert.equal(findVerb("pid"), "pid");
  assert.deepEqual(verb("pi").commands, ["pause"]);
});

test("findVerb() lets only force- words kill", () => {
  for (const word of ["stop", "reload", "restart", "shutdown"]) {
    assert.equal(verb(word).kills, false, word);
    assert.equal(verb(`force-${word}`).kills, true, word);
  }
});

test("findVerb() is null for words without a meaning", () => {
  for (const word of ["", "r", "relo", "force-", "force-start", "f", "3", "zzz", "-v", "__proto__"]) {
    assert.equal(findVerb(word), null, word);
  }
  assert.deepEqual(verb("toString").commands, ["term"]);
});

test("isReached() over every goal and state", () => {
  const reached: Readonly<Record<Goal, readonly string[]>> = {
    any: ["run", "down", "finish"],
    run: ["run"],
    new: [],
    down: ["down"],
    gone: ["down"],
    requested: ["run"],
  };
  for (const goal of Object.keys(reached) as Goal[]) {
    for (const state of STATES) {
      const now = status(state);
      assert.equal(isReached(goal, now, now), reached[goal].includes(state), `${goal} ${state}`);
    }
  }
});

test("isReached() of new when another process runs, or none is wanted", () => {
  const before = status("run");
  assert.equal(isReached("new", before, status("run", { pid: 13 })), true);
  assert.equal(isReached("new", before, status("finish", { pid: 13 })), false);
  assert.equal(isReached("new", before, status("down", { want: "down" })), true);
  assert.equal(isReached("new", status("down"), status("run")), true);
});

test("isReached() of requested follows what is wanted", () => {
  const going = status("run", { want: "down", term: true });
  const once = status("run", { want: "down" });
  assert.equal(isReached("requested", going, going), false);
  assert.equal(isReached("requested", once, once), true);
  assert.equal(isReached("requested", going, status("finish", { want: "down" })), false);
  assert.equal(isReached("requested", going, status("down", { want: "down" })), true);
});
