import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { listenSockets } from "./rsyslog.ts";

test("listenSockets() finds the sockets that Debian's packages ask for", () => {
  const haproxy = `# Create an additional socket in haproxy's chroot in order to allow logging via
# /dev/log to chroot'ed HAProxy processes
$AddUnixListenSocket /var/lib/haproxy/dev/log

# Send HAProxy messages to a dedicated logfile
:programname, startswith, "haproxy" {
  /var/log/haproxy.log
  stop
}
`;
  assert.deepEqual(listenSockets(haproxy), ["/var/lib/haproxy/dev/log"]);
  const postfix = 'input(type="imuxsock" Socket="/var/spool/postfix/dev/log" CreatePath="on")\n';
  assert.deepEqual(listenSockets(postfix), ["/var/spool/postfix/dev/log"]);
});

test("listenSockets() takes names in capitals, parameters on several lines and in any order, and no path twice", () => {
  const text = `$ADDUNIXLISTENSOCKET\t/a/log   # comment
Input (
  Socket = "/b/log"   # not "this
  Type="IMUXSOCK"
)
$AddUnixListenSocket /a/log
input(type="imuxsock" socket="/c#d/log")`;
  assert.deepEqual(listenSockets(text), ["/a/log", "/b/log", "/c#d/log"]);
});

test("listenSockets() passes over what asks for no socket", () => {
  for (const text of [
    "",
    "#$AddUnixListenSocket /x",
    "$AddUnixListenSocket",
    "$AddUnixListenSocket relative",
    "$SystemLogSocketName /run/systemd/journal/syslog",
    'module(load="imuxsock" SysSock.Name="/dev/log")',
    'input(type="imudp" port="514")',
    'input(type="imuxsock")',
    'input(type="imuxsock" Socket="/open',
    'input(type="imuxsock" Socket=/bare)',
    'action(type="omfile" file="/var/log/x")',
  ])
    assert.deepEqual(listenSockets(text), [], text);
});

test("listenSockets() answers absolute paths for any text, and ends", () => {
  const piece = fc.constantFrom(
    "input",
    "(",
    ")",
    "type",
    "=",
    '"',
    "imuxsock",
    "Socket",
    "/p",
    " ",
    "\n",
    "#",
    "$AddUnixListenSocket",
  );
  fc.assert(
    fc.property(fc.array(piece), (pieces) => listenSockets(pieces.join("")).every((path) => path.startsWith("/"))),
  );
});
