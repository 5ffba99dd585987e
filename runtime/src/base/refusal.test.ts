import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeSys } from "../fake/sys-fake.ts";
import { Errno } from "../sys.ts";
import { explainCall, required } from "./refusal.ts";

test("explainCall() names the call and the cure when the call itself is refused, and only then", () => {
  const sys = new FakeSys();
  for (const errno of [Errno.ENOSYS, Errno.EPERM])
    assert.match(
      explainCall(sys, "signalfd4", -errno),
      /; the kernel or a seccomp profile refuses signalfd4: allow it$/,
    );
  assert.equal(explainCall(sys, "signalfd4", -Errno.EMFILE), sys.strerror(Errno.EMFILE));
});

test("required() returns a result and throws for an error", () => {
  const sys = new FakeSys();
  assert.equal(required(sys, "watch", "epoll_create1", 0), 0);
  assert.throws(() => required(sys, "watch", "epoll_create1", -Errno.EPERM), /^Error: cannot watch: .*epoll_create1/);
});
