import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "../harness/run.ts";
import { discard, scratch } from "../harness/scratch.ts";
import { test } from "../harness/test.ts";
import { bootWithLog, fileHas, texts } from "./fixture.ts";

const NGINX = `
daemon off;
user root;
pid /tmp/nginx.pid;
error_log syslog:server=unix:/dev/log,facility=local3,tag=web_errors warn;
events {}
http {
  log_format short '$request_method $request_uri $status "$http_user_agent"';
  access_log syslog:server=unix:/dev/log,facility=local4,severity=debug,tag=web short;
  access_log syslog:server=unix:/dev/log,nohostname short;
  client_body_temp_path /tmp/body; proxy_temp_path /tmp/proxy; fastcgi_temp_path /tmp/fastcgi;
  uwsgi_temp_path /tmp/uwsgi; scgi_temp_path /tmp/scgi;
  server { listen unix:/tmp/web.sock; location / { return 204; } location /missing { root /nowhere; } }
}
`;

/** Python: one request over a Unix socket, whose User-Agent tries to break the line; waits until it is answered. */
const REQUESTS = `
import socket, sys, time
for path in ("/first", "/missing"):
  for tries in range(20000):
    s = socket.socket(socket.AF_UNIX)
    try: s.connect("/tmp/web.sock"); break
    except OSError: time.sleep(0.01)
  s.sendall(b"GET " + path.encode() + b" HTTP/1.0\\r\\nHost: x\\r\\nUser-Agent: a\\x1b[0m\\xc3\\xa9 <13>b\\r\\n\\r\\n")
  while s.recv(4096): pass
`;

test("A95 nginx's access and error log", async () => {
  await using box = await bootWithLog({
    files: { "/opt/nginx.conf": NGINX, "/opt/requests.py": REQUESTS },
    services: { web: { run: "exec nginx -e stderr -c /opt/nginx.conf" } },
  });
  const { code, stderr } = await box.exec("python3 /opt/requests.py");
  assert.equal(code, 0, stderr);
  await fileHas(box, "syslog", "nginx: GET /missing");
  const lines = texts(box.read("/var/log/syslog"));
  const agent = '"a\\x1B[0m\\xC3\\xA9 <13>b"';
  for (const tag of ["web", "nginx"]) {
    assert.deepEqual(
      lines.filter((line) => line.startsWith(`${tag}: `)),
      [`${tag}: GET /first 204 ${agent}`, `${tag}: GET /missing 404 ${agent}`],
    );
  }
  const error = lines.find((line) => line.startsWith("web_errors: ")) ?? "";
  assert.match(
    error,
    /^web_errors: .*\[error\] .* open\(\) "\/nowhere\/missing" failed \(2: No such file or directory\)/,
  );
});

test("A95 busybox's logger", async () => {
  await using box = await bootWithLog();
  await box.exec(
    `busybox logger -p mail.warn -t post "to $(printf 'two\\nlines')"; printf 'a\\nb\\n' | busybox logger -t in`,
  );
  await box.exec("logger -t end end-of-test");
  assert.deepEqual(texts(await fileHas(box, "syslog", "end-of-test")).slice(0, -1), [
    "post: to two#012lines",
    "in: a",
    "in: b",
  ]);
  assert.deepEqual(texts(box.read("/var/log/mail.log")), ["post: to two#012lines"]);
});

const GO = `
package main

import (
	"log"
	"log/syslog"
	"os"
)

func main() {
	for _, network := range []string{"", "unixgram"} {
		path := ""
		if network != "" { path = "/dev/log" }
		w, err := syslog.Dial(network, path, syslog.LOG_AUTH|syslog.LOG_INFO, os.Args[1])
		if err != nil { log.Fatal(err) }
		if err := w.Warning("by " + network + "; two\\nlines\\n"); err != nil { log.Fatal(err) }
	}
	l, err := syslog.NewLogger(syslog.LOG_LOCAL0|syslog.LOG_DEBUG, 0)
	if err != nil { log.Fatal(err) }
	l.Println("from a logger")
	if _, err := syslog.Dial("unix", "/dev/log", syslog.LOG_INFO, "x"); err == nil { log.Fatal("a stream") }
}
`;

test("A95 Go's log/syslog, which tries a datagram socket before a stream", async () => {
  const directory = scratch();
  const source = join(directory, "main.go");
  writeFileSync(source, GO);
  const { code: failed, stderr: why } = await run("gccgo", ["-o", join(directory, "client"), source]);
  assert.equal(failed, 0, why);
  const client = { content: readFileSync(join(directory, "client")), mode: 0o755 };
  discard(directory);
  await using box = await bootWithLog({ files: { "/opt/client": client } });
  const { code, stderr } = await box.exec("/opt/client app");
  assert.equal(code, 0, stderr);
  await box.sees("from a logger");
  const lines = texts(box.read("/var/log/auth.log"));
  assert.match(lines[0] ?? "", /^app\[\d+\]: by ; two#012lines$/);
  assert.match(lines[1] ?? "", /^app\[\d+\]: by unixgram; two#012lines$/);
  assert.match(texts(box.read("/var/log/syslog")).join("\n"), /^\/opt\/client\[\d+\]: from a logger$/m);
});
