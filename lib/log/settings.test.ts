import assert from "node:assert/strict";
import { test } from "node:test";
import { parseSettingLines } from "../text/setting-lines.ts";
import { jsonLine } from "./json.ts";
import { routeOf } from "./routes.ts";
import { DEFAULT_LOG_SETTINGS, readLogSettings } from "./settings.ts";

function read(name: string, text: string): { value: unknown; warnings: string[] } {
  const warnings: string[] = [];
  const settings = readLogSettings(DEFAULT_LOG_SETTINGS, [{ from: "f", values: new Map([[name, text]]) }], (w) =>
    warnings.push(w),
  );
  const changed = Object.entries(settings).find(
    ([key, value]) => value !== (DEFAULT_LOG_SETTINGS as unknown as Record<string, unknown>)[key],
  );
  return { value: changed?.[1], warnings };
}

test("readLogSettings() understands values as people write them", () => {
  const cases: readonly [name: string, text: string, value: unknown][] = [
    ["LOG_FORMAT", "json", "json"],
    ["LOG_CAPTURE", "yes", true],
    ["LOG_PREFIX", "off", false],
    ["LOG_ROTATE_SIZE", "500k", 512_000],
    ["LOG_ROTATE_SIZE", "1G", 1_073_741_824],
    ["LOG_ROTATE_SIZE", "off", 0],
    ["LOG_ROTATE_AGE", "2d", 172_800_000],
    ["LOG_ROTATE_AGE", "90", 90_000],
    ["LOG_RATE", "100", 100],
    ["LOG_FILE", "off", ""],
    ["LOG_FILE", "/var/log/x", "/var/log/x"],
    ["LOG_FORWARD", "tcp://host", { protocol: "tcp", host: "host", port: 514 }],
    ["LOG_FORWARD", "udp://10.0.0.1:1514", { protocol: "udp", host: "10.0.0.1", port: 1514 }],
    ["LOG_FORWARD", "tcp://[::1]:99", { protocol: "tcp", host: "::1", port: 99 }],
    ["LOG_FORWARD", "tcp://[::1]", { protocol: "tcp", host: "::1", port: 514 }],
  ];
  for (const [name, text, value] of cases)
    assert.deepEqual(read(name, text), { value, warnings: [] }, `${name}=${text}`);
});

test("readLogSettings() says what counts in the place of what it does not understand, as it was written", () => {
  const warnings: string[] = [];
  const sources = ["5M", "huge", "1G"].map((text) => ({ from: text, values: new Map([["LOG_ROTATE_SIZE", text]]) }));
  const of = (...indexes: number[]) =>
    readLogSettings(
      DEFAULT_LOG_SETTINGS,
      indexes.flatMap((index) => sources[index] ?? []),
      (w) => warnings.push(w),
    );
  assert.equal(of(0, 1).rotateBytes, 5 << 20);
  assert.equal(of(1, 2).rotateBytes, 1 << 30);
  assert.match(warnings[0] ?? "", /^huge: LOG_ROTATE_SIZE="huge" is not .*; using 5M$/);
  assert.match(warnings[1] ?? "", /; using the default$/);
});

test("readLogSettings() names what it does not understand and keeps what was before", () => {
  const bad = [
    ["LOG_FORMAT", "xml"],
    ["LOG_CAPTURE", "maybe"],
    ["LOG_ROTATE_SIZE", "10 M"],
    ["LOG_ROTATE_SIZE", "-1"],
    ["LOG_ROTATE_AGE", "soon"],
    ["LOG_ROTATE_KEEP", "many"],
    ["LOG_FILE", "relative"],
    ["LOG_FORWARD", "host:514"],
    ["LOG_FORWARD", "tcp://"],
    ["LOG_FORWARD", "tcp://host:99999"],
  ];
  for (const [name = "", text = ""] of bad) {
    const { value, warnings } = read(name, text);
    assert.equal(value, undefined, `${name}=${text}`);
    assert.equal(warnings.length, 1);
    assert.ok(warnings[0]?.startsWith(`f: ${name}="${text}" is not `), warnings[0]);
  }
});

test("parseSettingLines() takes blanks, comments and quotes", () => {
  assert.deepEqual(
    [...parseSettingLines(" A = 1 \n# B=2\n\nC='x y'\nD=\"\nE")],
    [
      ["A", "1"],
      ["C", "x y"],
      ["D", '"'],
      ["E", ""],
    ],
  );
});

test("routeOf() keeps auth out of syslog and sends everything else there", () => {
  for (let facility = 0; facility < 24; facility++)
    assert.equal((routeOf(facility) & 1) === 1, facility !== 4 && facility !== 10, String(facility));
});

test("jsonLine() is valid JSON and UTF-8 whatever the bytes", () => {
  const line = jsonLine({ a: 'q"\n\x00', b: "caf\xc3\xa9 \xff", n: 7, none: "" });
  const text = Buffer.from(line, "latin1").toString("utf8");
  assert.deepEqual(JSON.parse(text), { a: 'q"\n\x00', b: "café \ufffd", n: 7 });
});
