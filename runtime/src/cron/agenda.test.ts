import assert from "node:assert/strict";
import { test } from "node:test";
import { formatMinute } from "../../../lib/cron/calendar.ts";
import { parseSchedule, type Schedule } from "../../../lib/cron/schedule.ts";
import { Agenda, type Planned } from "./agenda.ts";

interface Plan extends Planned {
  readonly name: string;
}

const MINUTE_MS = 60_000;
const START_MS = Date.parse("2026-06-01T09:59:30Z");

/** An agenda over these expressions, and a clock that runs, stops and is set. */
class Stage {
  readonly ran: string[] = [];
  readonly missed: string[] = [];
  readonly agenda: Agenda<Plan>;
  nowMs = START_MS;
  #jumpMs = 0;

  constructor(...expressions: string[]) {
    this.agenda = new Agenda<Plan>(
      () => () => 0,
      this.nowMs,
      (plan, late) => this.missed.push(`${plan.name}: ${late}`),
    );
    this.plan(...expressions);
  }

  plan(...expressions: string[]): void {
    this.agenda.replace(
      expressions.map((name) => ({ name, schedule: parseSchedule(name) as Schedule, zone: "", next: null })),
    );
  }

  ask(): void {
    const due = this.agenda.due(this.nowMs, this.#jumpMs);
    this.#jumpMs = 0;
    for (const { name } of due) this.ran.push(`${formatMinute(Math.floor(this.nowMs / MINUTE_MS)).slice(11)} ${name}`);
  }

  /** Time passes, and the daemon is woken whenever it asked to be. */
  pass(minutes: number): void {
    const endMs = this.nowMs + minutes * MINUTE_MS;
    for (let nextMs = this.agenda.nextMs(); nextMs !== null && nextMs <= endMs; nextMs = this.agenda.nextMs()) {
      this.nowMs = Math.max(this.nowMs, nextMs);
      this.ask();
    }
    this.nowMs = endMs;
  }

  /** Somebody sets the clock, which wakes the daemon. */
  set(minutes: number): void {
    this.nowMs += minutes * MINUTE_MS;
    this.#jumpMs = minutes * MINUTE_MS;
    this.ask();
  }

  /** The container is frozen: time passes and nothing wakes. */
  freeze(minutes: number): void {
    this.nowMs += minutes * MINUTE_MS;
    this.ask();
  }
}

test("Agenda.due() gives each plan once in each of its minutes, and asks to be woken for nothing else", () => {
  const stage = new Stage("0 * * * *", "*/20 10 * * *", "30 10 * * *");
  assert.equal(stage.agenda.nextMs(), Date.parse("2026-06-01T10:00:00Z"));
  stage.pass(61.5);
  stage.ask();
  assert.deepEqual(stage.ran, [
    "10:00 0 * * * *",
    "10:00 */20 10 * * *",
    "10:20 */20 10 * * *",
    "10:30 30 10 * * *",
    "10:40 */20 10 * * *",
    "11:00 0 * * * *",
  ]);
});

test("Agenda.nextMs() is null when nothing is planned", () => {
  assert.equal(new Stage().agenda.nextMs(), null);
  const never: Plan = { name: "@reboot", schedule: null, zone: "", next: null };
  const stage = new Stage();
  stage.agenda.replace([never]);
  assert.equal(stage.agenda.nextMs(), null);
});

test("Agenda.replace() does not give what was due in a minute that has begun", () => {
  const stage = new Stage("0 0 * * *");
  stage.pass(10.75);
  stage.ask();
  stage.plan("10 10 * * *", "11 10 * * *");
  stage.pass(2);
  assert.deepEqual(stage.ran, ["10:11 11 10 * * *"]);
});

test("Agenda.due() makes up for fixed times when the clock is set forward by three hours at most, once each", () => {
  const stage = new Stage("0,30 10 * * *", "0 12 * * *", "*/30 * * * *", "* 10 * * *", "17 * * * *", "0 13 * * *");
  stage.set(150);
  assert.deepEqual(stage.ran, ["12:29 0,30 10 * * *", "12:29 0 12 * * *"]);
  assert.deepEqual(stage.missed, ["*/30 * * * *: 149", "* 10 * * *: 149", "17 * * * *: 132"]);
  stage.pass(60);
  assert.deepEqual(stage.ran.slice(2), [
    "12:30 */30 * * * *",
    "13:00 */30 * * * *",
    "13:00 0 13 * * *",
    "13:17 17 * * * *",
  ]);
});

test("Agenda.due() makes up for every plan when it is a few minutes late", () => {
  const stage = new Stage("*/30 * * * *", "0 10 * * *", "* * * * *");
  stage.freeze(4);
  assert.deepEqual(stage.ran, ["10:03 */30 * * * *", "10:03 0 10 * * *", "10:03 * * * * *"]);
});

test("Agenda.due() takes more than three hours as a correction: nothing is made up for", () => {
  const stage = new Stage("0 10 * * *", "0 14 * * *", "59 13 * * *");
  stage.set(240);
  assert.deepEqual([stage.ran, stage.missed], [["13:59 59 13 * * *"], []]);
  stage.pass(1);
  assert.deepEqual(stage.ran.slice(1), ["14:00 0 14 * * *"]);
});

test("Agenda.due() tells what a long sleep made impossible, and runs what is not too late", () => {
  const stage = new Stage("0 10 * * *", "0 16 * * *");
  stage.freeze(420);
  assert.deepEqual([stage.ran, stage.missed], [["16:59 0 16 * * *"], ["0 10 * * *: 419"]]);
});

test("Agenda.due() does not repeat fixed times when the clock is set back, and lets wildcards follow it", () => {
  const stage = new Stage("30 10 * * *", "0 11 * * *", "*/15 10 * * *", "15 11 * * *");
  stage.pass(61);
  stage.set(-60);
  stage.pass(80);
  const after = stage.ran.slice(stage.ran.indexOf("11:00 0 11 * * *") + 1);
  assert.deepEqual(after, [
    "10:00 */15 10 * * *",
    "10:15 */15 10 * * *",
    "10:30 */15 10 * * *",
    "10:45 */15 10 * * *",
    "11:15 15 11 * * *",
  ]);
});

test("Agenda.due() follows a clock that is set back by more than three hours", () => {
  const stage = new Stage("30 10 * * *");
  stage.pass(60);
  stage.set(-600);
  stage.pass(700);
  assert.deepEqual(stage.ran, ["10:30 30 10 * * *", "10:30 30 10 * * *"]);
});
