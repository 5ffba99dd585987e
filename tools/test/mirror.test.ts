import assert from "node:assert/strict";
import test from "node:test";
import { mirrorTrouble } from "./mirror.ts";

const uri = "http://mirror.example/debian/dists/trixie/InRelease";
const cure =
  "no test of the product has failed: see that containers have a network and a name server, or name a mirror that they reach, DEBIAN_MIRROR=URL";

test("mirrorTrouble() is nothing when the list was fetched", () =>
  assert.equal(mirrorTrouble({ code: 0, stdout: `${uri}\n`, stderr: "Get:1 ...\nFetched 140 kB in 0s" }), null));

test("mirrorTrouble() is one line with what was tried, what it answered and what to do", () => {
  const answers: readonly [stderr: string, code: number, said: string][] = [
    [
      `Err:1 ${uri}\n  Temporary failure resolving 'mirror.example'\nE: Failed to fetch ${uri}  Temporary failure resolving 'mirror.example'\nE: Download Failed\n`,
      100,
      "Temporary failure resolving 'mirror.example'",
    ],
    [
      `E: Failed to fetch ${uri}  404  Not Found [IP: 192.0.2.1 80]\nE: Download Failed`,
      100,
      "404  Not Found [IP: 192.0.2.1 80]",
    ],
    ["docker was ended: not finished after 180 s\n", 124, "docker was ended: not finished after 180 s"],
    ["", 1, "status 1"],
    ["\x1b[2Jgone\n", 1, "?[2Jgone"],
  ];
  for (const [stderr, code, said] of answers)
    assert.equal(
      mirrorTrouble({ code, stdout: `${uri}\n`, stderr }),
      `cannot reach "${uri}" from a container: ${said}; ${cure}`,
    );
});

test("mirrorTrouble() says so when no container starts, or apt has no source there", () => {
  assert.equal(
    mirrorTrouble({ code: 125, stdout: "", stderr: "docker: cannot start it.\n" }),
    `cannot reach a Debian mirror from a container: docker: cannot start it.; ${cure}`,
  );
  assert.equal(
    mirrorTrouble({ code: 0, stdout: "\n", stderr: "" }),
    `cannot ask a Debian mirror from a container: apt knows none there; ${cure}`,
  );
});
