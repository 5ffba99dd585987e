import { deepEqual, equal, match } from "node:assert/strict";
import { test } from "node:test";
import { type EngineAnswer, execArguments, readInspection, whyNotFound, whyNotReady } from "./container.ts";

const said = (code: number, stdout = "", stderr = ""): Parameters<typeof readInspection>[1] => ({
  code,
  stdout,
  stderr,
});
const inspection = (Status: string, ExitCode = 0): string =>
  JSON.stringify([{ Id: "c0ffee", State: { Status, ExitCode } }]);

test("readInspection() reads a container", () => {
  const found = { kind: "found", id: "c0ffee", status: "exited", exitCode: 3 };
  deepEqual(readInspection("docker", said(0, inspection("exited", 3))), found);
});

for (const text of [
  "Error: No such container: web",
  "Error response from daemon: No such container: web",
  'Error: inspecting object: no such container "web"',
  'Error: no container with name or ID "web" found: no such container',
]) {
  test(`readInspection() knows a missing container by: ${text}`, () => {
    deepEqual(readInspection("podman", said(1, "[]\n", text)), { kind: "unknown", engine: "podman" });
  });
}

test("readInspection() tells a missing engine from one that does not answer, and keeps its last words", () => {
  deepEqual(readInspection("docker", said(127)), { kind: "missing", engine: "docker" });
  const mute = readInspection("docker", said(1, "", "warning\nCannot connect to the Docker daemon. Is it running?\n"));
  deepEqual(mute, { kind: "mute", engine: "docker", reason: "Cannot connect to the Docker daemon. Is it running?" });
  deepEqual(readInspection("docker", said(4)), { kind: "mute", engine: "docker", reason: "exit status 4" });
});

for (const answer of ["", "[]", "{", "null", '[{"Id":"c0ffee"}]', "7"]) {
  test(`readInspection() takes ${JSON.stringify(answer)} for no answer`, () => {
    equal(readInspection("docker", said(0, answer)).kind, "mute");
  });
}

test("whyNotReady() says what to do when a container does not run", () => {
  const why = (status: string, exitCode = 0): string | null =>
    whyNotReady({ kind: "found", id: "c0ffee", status, exitCode }, "podman", "web");
  equal(why("running"), null);
  equal(why("paused"), "the container is paused; podman unpause web");
  match(why("exited", 137) ?? "", /it has ended with exit code 137; podman start web starts it, podman logs web/);
  equal(
    why("restarting", 1),
    "the container ends again and again, last with exit code 1; podman logs web tells its story",
  );
  match(why("created") ?? "", /does not run: it is created;/);
});

test("whyNotFound() names every engine and what it said", () => {
  const unknown = (engine: "docker" | "podman"): EngineAnswer => ({ kind: "unknown", engine });
  const missing = (engine: "docker" | "podman"): EngineAnswer => ({ kind: "missing", engine });
  const mute: EngineAnswer = { kind: "mute", engine: "docker", reason: "permission denied" };
  const of = (...answers: EngineAnswer[]): string => whyNotFound(answers, "web");
  equal(of(missing("docker"), missing("podman")), "neither docker nor podman is installed here, or not in PATH");
  equal(of(missing("podman")), "podman is not installed here, or not in PATH");
  equal(of(mute, missing("podman")), "docker says: permission denied");
  equal(
    of(unknown("docker"), unknown("podman")),
    'no container "web" in docker or podman; docker ps --all lists what there is',
  );
  equal(
    of(mute, unknown("podman")),
    'docker says: permission denied; no container "web" in podman; podman ps --all lists what there is',
  );
});

test("execArguments() passes standard input on, and a terminal with its kind when there is one", () => {
  const container = { engine: "docker", id: "c0ffee", name: "web" } as const;
  deepEqual(execArguments(container), ["exec", "--interactive", "c0ffee"]);
  deepEqual(execArguments(container, { user: "app" }), ["exec", "--interactive", "--user", "app", "c0ffee"]);
  const terminal = ["--tty", "--env", `TERM=${process.env.TERM ?? "xterm"}`];
  deepEqual(execArguments(container, { terminal: true }), ["exec", "--interactive", ...terminal, "c0ffee"]);
});
