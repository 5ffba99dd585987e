import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { escapeControls, escapeText } from "./escape.ts";
import { frameMessage, MAX_FRAME_BYTES, readFrames } from "./frame.ts";
import { FACILITIES, formatText, parseSyslog } from "./syslog.ts";

const bytes = fc.uint8Array({ maxLength: 200 }).map((array) => String.fromCharCode(...array));

test("parseSyslog() reads each form that senders use", () => {
  const cases: readonly [raw: string, priority: number, tag: string, pid: string, text: string][] = [
    ["<30>Nov 21 11:12:34 nginx[7]: started", 30, "nginx", "7", "started"],
    ["<30>Nov  1 11:12:34 nginx: started", 30, "nginx", "", "started"],
    ["<30>Nov 21 11:12:34 box nginx: started", 30, "nginx", "", "started"],
    ["<30>Nov 21 11:12:34 other nginx: started", 30, "", "", "other nginx: started"],
    ["<30>2026-11-21T11:12:34.123456+01:00 nginx: started", 30, "nginx", "", "started"],
    ["<191>nginx: started", 191, "nginx", "", "started"],
    ["<192>nginx: started", 13, "", "", "<192>nginx: started"],
    ["<>x: y", 13, "", "", "<>x: y"],
    ["<3a>x: y", 13, "", "", "<3a>x: y"],
    ["no header at all", 13, "", "", "no header at all"],
    ["", 13, "", "", ""],
    ["<30>http://host/ is no tag", 30, "", "", "http://host/ is no tag"],
    ["<30>tag:", 30, "tag", "", ""],
    ["<30>tag[]: text", 30, "", "", "tag[]: text"],
    ["<30>tag[7] text", 30, "", "", "tag[7] text"],
    ["<34>1 2003-10-11T22:14:15.003Z host su 77 ID47 - failed", 34, "su", "77", "failed"],
    ["<34>1 - - - - - -", 34, "", "", ""],
    ["<13>Job 42 10:11:12 done", 13, "", "", "Job 42 10:11:12 done"],
    ["<13>Nov 41 11:12:34 app: x", 13, "", "", "Nov 41 11:12:34 app: x"],
    ["<13>Nov 21 11:12:74 app: x", 13, "", "", "Nov 21 11:12:74 app: x"],
    ["<13>2026-ab-21T11:12:34 app: x", 13, "", "", "2026-ab-21T11:12:34 app: x"],
    ["<13>2026-11-21T11:12:34-is-no-stamp app: x", 13, "", "", "2026-11-21T11:12:34-is-no-stamp app: x"],
    ["<34>1 2003-xx-11T22 - app - - - x", 34, "", "", "1 2003-xx-11T22 - app - - - x"],
    ["<34>1 - - - 77 - - x", 34, "", "77", "x"],
    ["<34>1 - h app - - x no data", 34, "", "", "1 - h app - - x no data"],
    ["<34>1 2003-10-11T22:14:15Z h app - - [open", 34, "", "", "1 2003-10-11T22:14:15Z h app - - [open"],
  ];
  for (const [raw, priority, tag, pid, text] of cases) {
    const { host: _, msgid: __, data: ___, ...rest } = parseSyslog(raw, "box");
    assert.deepEqual(rest, { priority, tag, pid, text }, raw);
  }
});

test("formatText() leaves out of the structured data what every sender adds", () => {
  const line = (data: string) => formatText(parseSyslog(`<34>1 - box app - - ${data} text`, "box"), escapeText);
  assert.equal(line('[timeQuality tzKnown="1"]'), "app: text");
  assert.equal(line('[a@1 x="]\\"]"][meta z="1"][b@1]'), 'app: [a@1 x="]\\"]"][b@1] text');
});

test("formatText() names a machine that is not this one", () => {
  const line = (host: string) => formatText(parseSyslog(`<34>1 - ${host} app 7 ID9 - text`, "box"), escapeText);
  for (const own of ["-", "box", "box.example.org", "localhost"]) assert.equal(line(own), "app[7]: ID9 text");
  assert.equal(line("boxer"), "boxer app[7]: ID9 text");
});

test("formatText() is one printable line that ends with the text, whatever a message holds", () => {
  fc.assert(
    fc.property(bytes, (raw) => {
      const line = formatText(parseSyslog(raw, "box"), escapeText);
      for (const c of line) assert.ok((c >= " " && c !== "\x7f") || c === "\t");
      assert.ok(line.endsWith(escapeControls(parseSyslog(raw, "box").text)));
    }),
  );
});

/** Pieces of which messages are made that are nearly of a known form. */
const piece = fc.oneof(
  fc.constantFrom("<13>", "<>", "<999>", "1 ", "- ", "-", " ", ": ", ":", "[", "]", '"', "=", "\n", "\x7f", "box "),
  fc.constantFrom("Nov 21 11:12:34 ", "Job 42 10:11:12 ", "2026-11-21T11:12:34Z ", "2026-11-21T ", "1 - - app 7 ID - "),
  fc.string({ unit: fc.constantFrom(..."abcXYZ0189-_/"), minLength: 1, maxLength: 6 }),
  bytes,
);

/** Words of a message that have to be found again: all but its priority, its stamp, and what names this machine or nothing. */
function wordsOf(raw: string): string[] {
  const priority = /^<(\d{1,3})>/.exec(raw);
  const rest = priority !== null && Number(priority[1]) < FACILITIES.length * 8 ? raw.slice(priority[0].length) : raw;
  const months = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec";
  const stamp = new RegExp(
    `^(1 )?(?:(?:${months}) [ 0-3]\\d \\d\\d:\\d\\d:\\d\\d|\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\dZ?) `,
  );
  const words = rest.replace(stamp, "$1").match(/[\x21-\x7e]+/g) ?? [];
  return words.flatMap((word) => word.split(/[^A-Za-z0-9]+/)).filter((word) => !["", "1", "box"].includes(word));
}

test("parseSyslog() and formatText() lose nothing: each word of a message is in the line", () => {
  const known = fc
    .tuple(...Array.from({ length: 6 }, () => fc.stringMatching(/^[a-z]{1,9}$/)))
    .map(([host, app, pid, id, name, text]) => `<34>1 - ${host} ${app} ${pid} ${id} [${name}@1 x="${name}"] ${text}`);
  const message = fc.oneof(
    known,
    fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join("")),
  );
  fc.assert(
    fc.property(message, (raw) => {
      const held = formatText(parseSyslog(raw, "box"), escapeText);
      for (const word of wordsOf(raw))
        assert.ok(held.includes(word), `${JSON.stringify(word)} of ${JSON.stringify(raw)}`);
    }),
    { numRuns: 2000 },
  );
});

test("frameMessage() loses nothing: each word of a message is in the frame", () => {
  const word = fc.stringMatching(/^[a-z!-~]{1,60}$/);
  const message = fc.record({
    priority: fc.nat(191),
    host: fc.constant(""),
    tag: bytes,
    pid: word,
    msgid: word,
    data: fc.constant(""),
    text: bytes,
  });
  fc.assert(
    fc.property(message, (it) => {
      const framed = frameMessage(it, "2026-11-21T11:12:34+01:00", "box", escapeText);
      for (const part of [it.tag, it.pid, it.msgid, it.text]) assert.ok(framed.includes(escapeControls(part)), part);
      for (const c of framed) assert.ok((c >= " " && c !== "\x7f") || c === "\t");
    }),
  );
});

test("readFrames() gives back what frameMessage() framed, however the stream is cut", () => {
  const message = fc
    .record({ priority: fc.nat(191), tag: bytes, pid: bytes, msgid: bytes, text: bytes })
    .map((m) => ({ ...m, host: "", data: "" }));
  fc.assert(
    fc.property(fc.array(message, { maxLength: 5 }), fc.nat(), (messages, cut) => {
      const framed = messages.map((m) => frameMessage(m, "2026-11-21T11:12:34+01:00", "box", escapeText));
      const stream = framed.join("");
      const { frames, broken } = readFrames(stream);
      assert.equal(broken, false);
      assert.deepEqual(
        frames.map(([from, end]) => stream.slice(from, end)),
        framed.map((f) => f.slice(f.indexOf(" ") + 1)),
      );
      const part = readFrames(stream.slice(0, cut % (stream.length + 1)));
      assert.equal(part.broken, false);
      assert.deepEqual(part.frames, frames.slice(0, part.frames.length));
    }),
  );
});

test("frameMessage() cuts what would be longer than a datagram", () => {
  const message = { priority: 30, host: "", tag: "app", pid: "7", msgid: "", data: "", text: "\x01".repeat(32_768) };
  const framed = frameMessage(message, "2026-11-21T11:12:34+01:00", "box", escapeText);
  assert.deepEqual(readFrames(framed), { frames: [[6, 6 + MAX_FRAME_BYTES]], broken: false });
});

test("parseSyslog() reads what is too long for a header as text", () => {
  const long = "x".repeat(129);
  const data = `[x y="${"z".repeat(5000)}"]`;
  for (const raw of [
    `1 - h ${long} - - - text`,
    `1 - h app ${long} - - text`,
    `1 - h app - ${long} - text`,
    `1 - h app - - ${data} text`,
    `${long}: text`,
  ])
    assert.deepEqual(parseSyslog(`<30>${raw}`, "box"), {
      priority: 30,
      host: "",
      tag: "",
      pid: "",
      msgid: "",
      data: "",
      text: raw,
    });
});

test("readFrames() says so when the text is no frames", () => {
  for (const text of ["x", "0 ", "-1 a", "1e3 a", "65001 a", "9999999 a", "01 a"])
    assert.equal(readFrames(text).broken, true, text);
});
