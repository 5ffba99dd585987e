import assert from "node:assert/strict";
import test from "node:test";
import { commonApiVersion } from "./host-engine.ts";

test("commonApiVersion() takes the version that the daemon offers when the client is too new or too old", () => {
  const tooNew = "Error response from daemon: client version 1.50 is too new. Maximum supported API version is 1.41";
  const tooOld =
    "Error response from daemon: client version 1.24 is too old. Minimum supported API version is 1.44, please upgrade";
  assert.equal(commonApiVersion(tooNew), "1.41");
  assert.equal(commonApiVersion(tooOld), "1.44");
});

test("commonApiVersion() is null when something else is wrong", () => {
  assert.equal(
    commonApiVersion("Cannot connect to the Docker daemon at unix:///x. Is the docker daemon running?"),
    null,
  );
});
