import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeInit } from "../fake/fake-init.ts";
import { FakeSys } from "../fake/sys-fake.ts";
import { serveControl } from "./control-server.ts";

const SOCKET = "/run/shipshape/control";
const [ROOT, APP, WEB] = [0, 1000, 33];

/** An init that answers `sv`, and its clients. */
class Server {
  readonly sys = new FakeSys();
  readonly init: FakeInit;
  #uid = ROOT;

  constructor() {
    for (const path of ["/run", "/dev"]) this.sys.makeDirectories(path);
    for (const name of ["a", "b"]) this.sys.putProgram(`/etc/service/${name}/run`);
    this.sys.chown("/etc/service/a", APP, APP);
    this.sys.peerUid = () => this.#uid;
    this.init = new FakeInit(this.sys);
    this.init.supervisor.start();
    assert.ok(serveControl(this.init.context, this.init.supervisor, -1) >= 0);
  }

  connect(uid: number): number {
    this.#uid = uid;
    const fd = this.sys.unixConnect(SOCKET);
    assert.ok(fd >= 0);
    const own = this.sys.open(`/proc/self/fd/${fd}`, 0o4000, 0);
    assert.ok(own >= 0);
    this.init.pass(1);
    return own;
  }

  ask(fd: number, line: string): string {
    if (line !== "") this.sys.write(fd, `${line}\n`);
    this.init.pass(1);
    const reply = this.sys.read(fd, 65536);
    return typeof reply === "number" ? String(reply) : reply;
  }
}

test("serveControl() answers status, list and commands to root, in order", () => {
  const server = new Server();
  const client = server.connect(ROOT);
  assert.match(server.ask(client, "status a"), /^ok serial=\d+ state=run pid=\d+ .* dir=\/etc\/service\/a\n$/);
  assert.equal(server.ask(client, "list"), "ok names=2\na\nb\n");
  assert.match(server.ask(client, "down b\nstatus none"), /^ok .* want=down .*\nerror no-service none\n$/);
  server.init.pass(10);
  assert.match(server.ask(client, "status b"), / state=down /);
});

test("serveControl() lets the owner of a service's directory control that service, and nobody else", () => {
  const server = new Server();
  const owner = server.connect(APP);
  assert.match(server.ask(owner, "status a"), /^ok /);
  assert.equal(server.ask(owner, "list"), "ok names=1\na\n");
  assert.match(server.ask(owner, "down a"), /^ok .* want=down /);
  assert.match(server.ask(owner, "down b"), /^error denied /);
  assert.match(server.ask(owner, "status none"), /^error no-service /);
  const other = server.connect(WEB);
  for (const request of ["status a", "down a", "wait 0 1000 a", "why b", "list"])
    assert.match(server.ask(other, request), /^error denied only root may/, request);
  assert.deepEqual(server.init.running, ["/etc/service/b/run"]);
});

test("serveControl() has room for one more client when hundreds are silent, and closes the most silent one", () => {
  const server = new Server();
  const first = server.connect(ROOT);
  const silent = Array.from({ length: 255 }, () => server.connect(ROOT));
  assert.match(server.ask(first, "status a"), /^ok /);
  assert.match(server.ask(server.connect(ROOT), "status a"), /^ok /);
  assert.match(server.ask(first, "status b"), /^ok /, "a client that was served just now stays");
  assert.equal(server.ask(silent[0] ?? -1, ""), "", "the most silent one was closed");
});

test("serveControl() keeps a client that waits for a service", () => {
  const server = new Server();
  const waiting = server.connect(ROOT);
  const serial = /serial=(\d+)/.exec(server.ask(waiting, "status a"))?.[1];
  assert.equal(server.ask(waiting, `wait ${serial} 3600000 a`), "-11");
  for (let count = 0; count < 300; count++) server.connect(ROOT);
  assert.match(server.ask(server.connect(ROOT), "down a"), /^ok /);
  server.init.pass(10);
  assert.match(server.ask(waiting, ""), /^ok serial=/);
});

test("serveControl() gives one user a few connections, so that others have theirs", () => {
  const server = new Server();
  const clients = Array.from({ length: 17 }, () => server.connect(APP));
  assert.match(server.ask(clients[0] ?? -1, "status a"), /^ok /);
  assert.match(server.ask(clients[16] ?? -1, ""), /^error denied too many connections/);
  assert.match(server.ask(server.connect(ROOT), "status a"), /^ok /);
});
