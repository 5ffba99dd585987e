import type { Option, Verb } from "../verb.ts";
import { hint, programs } from "./words.ts";

/** For zsh, as a function in its `fpath` or as text to be sourced. @see zshcompsys(1) _arguments */
export function zshScript(verbs: Readonly<Record<string, Verb>>): string {
  const entries = Object.entries(verbs);
  const links = entries.flatMap(([name, { link }]) => (link === undefined ? [] : [`  ${link}) verb=${name} ;;`]));
  const described = entries.map(([name, { summary }]) => `'${name}:${hint(summary)}'`);
  const cases = entries.map(([name, verb]) => {
    const first = verb.first === "container" ? "container:_shipshape_containers" : `word:(${verb.first.join(" ")})`;
    return `  ${name}) _arguments -s -A '-*' ${[...verb.options.map(specification), `'1:${first}'`].join(" ")} ;;`;
  });
  const names = programs(verbs).join(" ");
  return `#compdef ${names}
# Tab completion for zsh; made by \`shipshape completion zsh\`.
_shipshape_containers() {
  local engine
  local -a names
  for engine in docker podman; do
    [[ \${SHIPSHAPE_ENGINE:-$engine} != $engine ]] || names+=(\${(f)"$($engine ps --format '{{.Names}}' 2>/dev/null)"})
  done
  compadd -a names
}

_shipshape() {
  local verb
  case \${service:t} in
${links.join("\n")}
  *)
    if (( CURRENT == 2 )); then
      local -a verbs=(${described.join(" ")})
      _describe verb verbs
      return
    fi
    verb=$words[2]
    shift words
    (( CURRENT-- ))
    ;;
  esac
  case $verb in
${cases.join("\n")}
  esac
}

# zsh runs the file itself as the function the first time.
if [[ \${funcstack[1]} == _shipshape ]]; then _shipshape "$@"; else compdef _shipshape ${names}; fi
`;
}

function specification({ letter, value, many, help }: Option): string {
  const argument = value === undefined ? "" : `:${value}:${value === "FILE" ? "_files" : " "}`;
  return `'${many ? "*" : ""}-${letter}${value === undefined ? "" : "+"}[${hint(help)}]${argument}'`;
}
