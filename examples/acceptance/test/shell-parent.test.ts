import { test } from "node:test";
import { assertOrder } from "../../../runtime/test/harness/fixtures.ts";
import { accept, stopsClean } from "./image.ts";

accept("shell-parent", (image) => {
  test("A40 the server behind a shell without exec is told to stop, and has the time to save", async () => {
    const box = await image.start();
    await box.shows("server: up");
    const logs = await stopsClean(box);
    assertOrder(logs, ["run: starting the server", "server: up", "server: got TERM, saved"]);
  });
});
