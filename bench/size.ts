import { readdirSync, readFileSync, realpathSync, statSync } from "node:fs";
import { join } from "node:path";

import { top } from "../tools/setup/places.ts";
import type { Claim, Goal } from "./harness/claim.ts";
import { digits } from "./harness/format.ts";
import { librariesOf } from "./harness/inits.ts";

const atMostBytes = 1.2e6;
const atMostLinesOfC = 700;

function bytesOf(paths: readonly string[]): number {
  return [...new Set(paths.map((path) => realpathSync(path)))].reduce((sum, path) => sum + statSync(path).size, 0);
}

/** Every line of every C file of a directory, blank ones and comments too; generated files lie elsewhere. */
function linesOfC(directory: string): number {
  const sources = readdirSync(directory).filter((name) => name.endsWith(".c") || name.endsWith(".h"));
  return sources.reduce((sum, name) => sum + readFileSync(join(directory, name), "utf8").split("\n").length - 1, 0);
}

export const size: Claim = {
  name: "size",
  title: "Size",
  how: "Bytes of the programs that make up the supervision, and with the dynamic libraries they map. For supervisord the Python interpreter alone: its modules come on top.",
  async measure(bench) {
    const inits = bench.inits.filter((init) => init.programs.length > 0 && init.stopSignal === undefined);
    const ours = inits.find((init) => init.name === "shipshape");
    const goals: Goal[] = [];
    if (ours !== undefined) {
      const bytes = bytesOf(ours.programs);
      const lines = linesOfC(join(top, "runtime", "native"));
      goals.push(
        {
          what: "binary",
          atMost: `${atMostBytes / 1e6} MB`,
          measured: `${digits(bytes / 1e6)} MB`,
          met: bytes <= atMostBytes,
          kind: "fact",
        },
        {
          what: "lines of C",
          atMost: String(atMostLinesOfC),
          measured: String(lines),
          met: lines > 0 && lines <= atMostLinesOfC,
          kind: "measure",
        },
      );
    }
    return {
      tables: [
        {
          title: "Programs, kB",
          columns: ["", "programs", "with libraries"],
          rows: inits.map((init) => [
            init.label,
            digits(bytesOf(init.programs) / 1000),
            digits(bytesOf([...init.programs, ...init.programs.flatMap(librariesOf)]) / 1000),
          ]),
        },
      ],
      goals,
      samples: Object.fromEntries(inits.map((init) => [init.name, [bytesOf(init.programs)]])),
    };
  },
};
