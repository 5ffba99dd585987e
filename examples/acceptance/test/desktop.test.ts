import { equal, match } from "node:assert/strict";
import { test } from "node:test";
import { eventually } from "../../../runtime/test/harness/deadline.ts";
import { accept, type Subject, stopsClean } from "./image.ts";

const PARTS = ["wm", "panel", "clipboard", "pulseaudio", "novnc", "filemanager", "updater", "monitor", "wine"];

const screen = (box: Subject): Promise<string> => box.sh("socat -u TCP:127.0.0.1:5900 - || true");

accept("desktop", (image) => {
  test("A04 A40 A83 a dozen services find each other, and every process is told to stop", async () => {
    const box = await image.start();
    await box.shows(...[...PARTS, "wineserver"].map((name) => `${name}: up`));
    await eventually("the screen is there", async () => (await screen(box)) === "display one\n");

    const logs = await stopsClean(box);
    for (const name of [...PARTS, "wineserver"])
      equal(logs.match(new RegExp(`^${name}: got TERM$`, "gm"))?.length, 1, logs);
    // --quiet
    equal(/^\*\*\* (Running|Killing|Shutting)/m.test(logs), false, logs);
  });

  test("A50 A80 the display is killed and comes back, without a zombie", async () => {
    const box = await image.start();
    await box.shows(...PARTS.map((name) => `${name}: up`));
    const pid = async (): Promise<string> =>
      /pid (\d+)/.exec((await box.exec(["sv", "status", "display"])).stdout)?.[1] ?? "";
    const before = await pid();
    await box.sh("kill -9 $(sv status display | sed 's/.*pid \\([0-9]*\\).*/\\1/')");
    await eventually("another display is there", async () => !["", before].includes(await pid()));
    match(await box.sh("sv -w 300 start display"), /^ok: run: display: /);
    await eventually("it has the screen", async () => (await screen(box)) === "display one\n");
    // A child of the stand-ins may have ended just now.
    const zombies = (): Promise<string> => box.sh("grep -l '^State:.Z' /proc/[0-9]*/status || echo none");
    await eventually("no zombie is left", async () => (await zombies()) === "none\n");
  });
});
