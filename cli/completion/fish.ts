import type { Option, Verb } from "../verb.ts";
import { hint, programs } from "./words.ts";

/** For fish. @see complete in fish's manual */
export function fishScript(verbs: Readonly<Record<string, Verb>>): string {
  const complete = (...names: string[]): string => ["complete", ...names.map((name) => `-c ${name}`)].join(" ");
  const lines = Object.entries(verbs).flatMap(([name, verb]) => {
    const start = `${complete("shipshape", ...(verb.link === undefined ? [] : [verb.link]))} -n '__shipshape_does ${name}`;
    const first =
      verb.first === "container"
        ? "; and not __fish_seen_subcommand_from (__shipshape_containers)' -a '(__shipshape_containers)'"
        : `' -a '${verb.first.join(" ")}'`;
    return [
      `${complete("shipshape")} -n __fish_use_subcommand -a ${name} -d '${hint(verb.summary)}'`,
      ...verb.options.map((option) => `${start}' ${specification(option)}`),
      start + first,
    ];
  });
  return `# Tab completion for fish; made by \`shipshape completion fish\`.
function __shipshape_containers
    for engine in docker podman
        if test -z "$SHIPSHAPE_ENGINE"; or test "$SHIPSHAPE_ENGINE" = $engine
            $engine ps --format '{{.Names}}' 2>/dev/null
        end
    end
end

function __shipshape_does --argument-names verb
    set -l words (commandline --tokenize --cut-at-cursor --current-process)
    not string match --quiet '*shipshape' -- $words[1]; or test "$words[2]" = $verb
end

${complete(...programs(verbs))} -f
${lines.join("\n")}
`;
}

function specification({ letter, value, help }: Option): string {
  const argument = value === undefined ? "" : value === "FILE" ? " -r -F" : " -x";
  return `-s ${letter}${argument} -d '${hint(help)}'`;
}
