import { deepEqual, equal } from "node:assert/strict";
import { test } from "node:test";
import { accept, stopsClean } from "./image.ts";

const HARD = `it's "quoted", $HOME, \`x\``;

accept("environment", (image) => {
  test("A61 A62 A63 A64 A67 A68 startup files add and delete variables for services, shells and jobs", async () => {
    const box = await image.start(["-e", "STAGE=test"]);
    await box.shows("20_delete sees postgres://db/test");
    await box.shows(
      "service: ORIGIN=from the image DATABASE_URL=postgres://db/test DEBUG=unset HOME=/srv/app HARD=it's",
    );
    const login = await box.exec(["bash", "-lc", 'printf %s "$DATABASE_URL|${DEBUG-unset}|$HARD"']);
    // exec has DEBUG from the image: the profile adds variables and takes none away.
    equal(login.stdout, `postgres://db/test|1|${HARD}`);
    const json = JSON.parse(await box.sh("cat /etc/container_environment.json"));
    deepEqual(
      [json.DATABASE_URL, json.DEBUG, json.HOME, json.HARD, json.STAGE],
      ["postgres://db/test", undefined, "/srv/app", HARD, "test"],
    );
    equal(await box.sh("grep -c HOME= /etc/container_environment.sh || true"), "0\n");
    await stopsClean(box);
  });
});
