import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { createServer, type Socket } from "node:net";
import { readFrames } from "../../../lib/log/frame.ts";
import { eventually } from "../harness/deadline.ts";
import { test } from "../harness/test.ts";
import { bootWithLog, daemonOf, fileHas } from "./fixture.ts";

/** An address of this process's own: the port of a server that is down is nobody else's, not even the client's that looks for it. */
const HOST = `127.${100 + (process.pid >> 16)}.${(process.pid >> 8) & 255}.${process.pid & 255}`;

/** A syslog server on TCP; the box shares our network. */
class Server {
  readonly #server = createServer((socket) => {
    this.#sockets.add(socket);
    socket.on("error", () => undefined);
    socket.on("data", (data) => {
      this.received += data.toString("latin1");
    });
  });
  readonly #sockets = new Set<Socket>();
  received = "";
  port = 0;

  /** @param port the one of an earlier server, or 0 for any */
  async listen(port = 0, host = HOST): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(port, host, resolve));
    this.port = (this.#server.address() as { port: number }).port;
    return this;
  }

  get messages(): string[] {
    return readFrames(this.received).frames.map(([from, end]) => this.received.slice(from, end));
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}

const HEADER = /^<(\d+)>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d box /;

test("A95 messages go to another machine over TCP as RFC 5424 has them, with captured lines, and those of the stop", async () => {
  const server = await new Server().listen(0, "127.0.0.1");
  try {
    await using box = await bootWithLog(
      {
        services: { web: { run: "echo from-web; exec sleep 1000", files: { "log.conf": "LOG_CAPTURE=on" } } },
        postShutdown: { z: "logger -t last words" },
      },
      `LOG_FORWARD=tcp://localhost:${server.port}`,
    );
    await box.exec(
      "logger -p mail.err -t app --id=7 one; printf 'two\\tlines\\nhere' | perl -e 'use Sys::Syslog; openlog(q(p), q(), q(user)); syslog(q(info), q(%s), join(q(), <STDIN>))'",
    );
    await eventually("all has come", () => server.messages.length >= 3);
    const texts = server.messages.map((message) => message.replace(HEADER, "$1 ")).sort();
    assert.deepEqual(texts, ["14 p - - - two\tlines#012here", "19 app 7 - - one", "30 web - - - from-web"].sort());
    assert.equal((await box.stop()).code, 0);
    await eventually("the last has come", () =>
      server.messages.some((message) => message.endsWith("last - - - words")),
    );
  } finally {
    await server.close();
  }
});

test("A95 messages wait on disk for a remote that is down, and a killed log daemon sends none of them twice", async () => {
  const first = await new Server().listen();
  await first.close();
  await using box = await bootWithLog({}, `LOG_FORWARD=tcp://${HOST}:${first.port}`);
  await box.exec("for i in 1 2 3; do logger -p daemon.info -t app waits-$i; done");
  await box.exec(`kill -9 ${daemonOf(box)}; logger -p daemon.info -t app waits-4`);
  await box.sees(`cannot forward to tcp://${HOST}:`);
  await fileHas(box, "syslog", "waits-4");
  const second = await new Server().listen(first.port);
  try {
    await eventually("what waited has come", () => second.messages.some((message) => message.endsWith("waits-4")));
    const order = second.messages.filter((message) => message.includes("waits-")).map((message) => message.slice(-1));
    assert.deepEqual(order, ["1", "2", "3", "4"]);
  } finally {
    await second.close();
  }
});

test("A95 what waits for a remote that is down has a bound on disk; the newest is kept, and the loss is told", async () => {
  const first = await new Server().listen();
  await first.close();
  await using box = await bootWithLog(
    {
      before: "exec >/dev/null",
      files: { "/var/spool": { directory: true } },
      mounts: [{ source: "tmpfs", at: "/var/spool", type: "tmpfs" }],
    },
    `LOG_FORWARD=tcp://${HOST}:${first.port}\nLOG_ROTATE_SIZE=off`,
  );
  await box.exec(
    "yes $(printf '%02000d' 7) | head -14000 | logger --size 3000 -p daemon.info -t many; logger -t last one",
  );
  await fileHas(box, "syslog", "last: one");
  // All that is taken, what somebody has open and no name leads to included.
  const { stdout } = await box.exec("stat -fc '%S %b %f' /var/spool");
  const [unit, all, free] = stdout.split(" ").map(Number) as [number, number, number];
  assert.ok(unit * (all - free) <= 16 << 20, `${unit * (all - free)} bytes are taken`);
  const second = await new Server().listen(first.port);
  try {
    await eventually("the last has come", () => second.received.endsWith(" last - - - one"));
    await fileHas(box, "syslog", "the buffer for forwarding is full: its older half is dropped");
    const { messages } = second;
    const many = messages.filter((message) => message.includes(" many - - - "));
    assert.ok(many.length > 3500 && many.length < 14_000, `${many.length} messages came`);
    for (const message of many) assert.ok(message.length > 2000 && HEADER.test(message));
  } finally {
    await second.close();
  }
});

test("A95 messages go to another machine over UDP, one in each datagram", async () => {
  const server = createSocket("udp4");
  const received: string[] = [];
  server.on("message", (message) => received.push(message.toString("latin1")));
  await new Promise<void>((resolve) => server.bind(0, "127.0.0.1", resolve));
  try {
    await using box = await bootWithLog({}, `LOG_FORWARD=udp://127.0.0.1:${server.address().port}`);
    await box.exec("logger -t app one; logger -t app two");
    await eventually("both have come", () => received.length >= 2);
    assert.deepEqual(
      received.map((message) => message.replace(HEADER, "")),
      ["app - - - one", "app - - - two"],
    );
  } finally {
    server.close();
  }
});
