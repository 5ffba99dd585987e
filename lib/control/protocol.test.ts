import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  COMMANDS,
  controlSockets,
  encodeNames,
  encodeReason,
  encodeRefusal,
  encodeRequest,
  encodeStatus,
  MAX_REQUEST_BYTES,
  MAX_WAIT_MS,
  parseNameCount,
  parseReason,
  parseRefusal,
  parseRequest,
  parseStatus,
  type Request,
  type ServiceStatus,
  STATES,
} from "./protocol.ts";

const target = fc.string({ minLength: 1, maxLength: 100, unit: "binary" }).filter((text) => !/[\n\0]/.test(text));
const count = fc.nat();
/** Plain objects, as the parsers make them. */
const record: typeof fc.record = (model: object) => fc.record(model as never, { noNullPrototype: true });
const upOrDown = fc.constantFrom("up" as const, "down" as const);
const process = record({
  state: fc.constantFrom(...STATES),
  pid: count,
  seconds: count,
  normally: upOrDown,
  want: upOrDown,
  paused: fc.boolean(),
  term: fc.boolean(),
});
const request: fc.Arbitrary<Request> = fc.oneof(
  record({ verb: fc.constantFrom("status" as const, "why" as const, ...COMMANDS), target }),
  record({ verb: fc.constant("wait" as const), serial: count, timeoutMs: fc.nat(MAX_WAIT_MS), target }),
  fc.constant({ verb: "list" as const }),
);
const status: fc.Arbitrary<ServiceStatus> = fc
  .record({ serial: count, main: process, log: fc.option(process), dir: target.map((text) => `/${text}`) })
  .map(({ serial, main, log, dir }) => ({ serial, ...main, log, dir }));

function withoutNewline(line: string): string {
  assert.ok(line.endsWith("\n"));
  assert.equal(line.indexOf("\n"), line.length - 1);
  return line.slice(0, -1);
}

test("parseRequest() reads back what encodeRequest() wrote", () => {
  fc.assert(
    fc.property(request, (value) => assert.deepEqual(parseRequest(withoutNewline(encodeRequest(value))), value)),
  );
});

test("parseStatus() reads back what encodeStatus() wrote", () => {
  fc.assert(fc.property(status, (value) => assert.deepEqual(parseStatus(withoutNewline(encodeStatus(value))), value)));
});

test("parseReason() reads back what encodeReason() wrote, in one line", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) =>
      assert.equal(parseReason(withoutNewline(encodeReason(text))), text.replaceAll("\n", " ")),
    ),
  );
  assert.equal(parseReason("error bad-request unknown verb"), "");
});

test("parseStatus() passes over fields that it does not know, and refuses a line that lacks one", () => {
  const whole =
    "ok serial=9 new=1 state=run pid=12 seconds=5 normally=up want=up paused=0 term=1 dir=/etc/service/a b=c";
  assert.deepEqual(parseStatus(whole), {
    serial: 9,
    state: "run",
    pid: 12,
    seconds: 5,
    normally: "up",
    want: "up",
    paused: false,
    term: true,
    log: null,
    dir: "/etc/service/a b=c",
  });
  for (const field of [
    "serial=9",
    "state=run",
    "pid=12",
    "seconds=5",
    "normally=up",
    "want=up",
    " dir=/etc/service/a b=c",
  ]) {
    assert.equal(parseStatus(whole.replace(field, "")), null, field);
  }
  assert.equal(parseStatus(whole.replace("state=run", "state=ran")), null);
  assert.equal(parseStatus(whole.replace(" dir=", " log.state=run dir=")), null);
});

test("parseRequest() says what is wrong with a line", () => {
  const expected = {
    "": "unknown verb",
    "fly web": "unknown verb",
    "UP web": "unknown verb",
    up: "no usable target",
    "up ": "no usable target",
    "up a\0b": "no usable target",
    "list all": "unknown verb",
    "wait x 5 web": "the serial is not a number",
    "wait 1 -5 web": `the timeout is not between 0 and ${MAX_WAIT_MS} ms`,
    [`wait 1 ${MAX_WAIT_MS + 1} web`]: `the timeout is not between 0 and ${MAX_WAIT_MS} ms`,
    "wait 1 5": "no usable target",
    [`up ${"x".repeat(MAX_REQUEST_BYTES)}`]: `longer than ${MAX_REQUEST_BYTES} bytes`,
  };
  for (const [line, reason] of Object.entries(expected)) assert.equal(parseRequest(line), reason, line.slice(0, 40));
  assert.deepEqual(parseRequest("up with blank"), { verb: "up", target: "with blank" });
  assert.equal(typeof parseRequest(`up ${"x".repeat(MAX_REQUEST_BYTES - 4)}`), "object");
});

test("parseRefusal() and parseNameCount() read back what the server wrote", () => {
  assert.deepEqual(parseRefusal(withoutNewline(encodeRefusal("no-service", "web log"))), {
    code: "no-service",
    text: "web log",
  });
  assert.equal(parseRefusal("ok serial=1"), null);
  const [first, ...names] = encodeNames(["a", "b c"]).split("\n");
  assert.equal(parseNameCount(first ?? ""), 2);
  assert.deepEqual(names, ["a", "b c", ""]);
  for (const line of ["ok", "ok names=", "ok names=-1", "ok names=1e9", "error x y"])
    assert.equal(parseNameCount(line), null, line);
});

test("every parser answers any line without throwing", () => {
  const words = fc.constantFrom(
    "ok",
    "error",
    "wait",
    "up",
    "serial=1",
    "state=run",
    "dir=/",
    "log.state=run",
    "=",
    "1",
    "",
  );
  const line = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.array(words).map((list) => list.join(" ")),
  );
  fc.assert(
    fc.property(line, (text) => {
      for (const parse of [parseRequest, parseStatus, parseRefusal, parseNameCount]) parse(text);
    }),
  );
});

test("controlSockets() has root's place first and places of one's own after it", () => {
  assert.deepEqual(controlSockets(7), [
    "/run/shipshape/control",
    "/dev/shm/shipshape-7/control",
    "/tmp/shipshape-7/control",
  ]);
});
