import type { Verb } from "../verb.ts";
import { programs } from "./words.ts";

/** For bash: verbs after `shipshape`, then the containers that run; files for an option that wants one. */
export function bashScript(verbs: Readonly<Record<string, Verb>>): string {
  const entries = Object.entries(verbs);
  const options = entries.flatMap(([, verb]) => verb.options);
  const withValue = options.filter(({ value }) => value !== undefined);
  const letters = (some: typeof options): string => `-[${some.map(({ letter }) => letter).join("")}]`;
  const links = entries.flatMap(([name, { link }]) => (link === undefined ? [] : [`  ${link}) verb=${name} ;;`]));
  const first = entries.map(([name, verb]) => {
    const words = verb.first === "container" ? "$(_shipshape_containers)" : verb.first.join(" ");
    return `  ${name}) words="${words}" ;;`;
  });
  return `# Tab completion of ${programs(verbs).join(", ")} for bash; made by \`shipshape completion bash\`.
_shipshape_containers() {
  local engine
  for engine in docker podman; do
    [ "\${SHIPSHAPE_ENGINE:-$engine}" != "$engine" ] || "$engine" ps --format '{{.Names}}' 2>/dev/null
  done
}

_shipshape() {
  local verb words word=\${COMP_WORDS[COMP_CWORD]} at=1
  case \${COMP_WORDS[0]##*/} in
${links.join("\n")}
  *)
    if [ "$COMP_CWORD" = 1 ]; then
      COMPREPLY=($(compgen -W '${Object.keys(verbs).join(" ")}' -- "$word"))
      return
    fi
    verb=\${COMP_WORDS[1]}
    at=2
    ;;
  esac
  # Over the options, of which those with a value take the next word too.
  while [ "$at" -lt "$COMP_CWORD" ]; do
    case \${COMP_WORDS[at]} in
    ${letters(withValue)}) at=$((at + 2)) ;;
    -*) at=$((at + 1)) ;;
    *) return ;;
    esac
  done
  if [ "$at" -gt "$COMP_CWORD" ]; then
    case \${COMP_WORDS[COMP_CWORD - 1]} in
    ${letters(withValue.filter(({ value }) => value === "FILE"))}) COMPREPLY=($(compgen -f -- "$word")) ;;
    esac
    return
  fi
  case $verb in
${first.join("\n")}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}

complete -F _shipshape ${programs(verbs).join(" ")}
`;
}
