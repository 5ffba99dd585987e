import type { Verb } from "./verb.ts";

/** `shipshape completion`: the shell code that completes names of containers. @param verbs all there are */
export function completion(verbs: readonly string[]): Verb {
  return {
    synopsis: "bash",
    summary: "print tab completion for bash",
    details: ["Put it where bash looks: shipshape completion bash >/etc/bash_completion.d/shipshape"],
    parse(args) {
      if (args.length !== 1 || args[0] !== "bash") return { problem: "bash is the only shell that it knows" };
      return async () => {
        process.stdout.write(completionScript(verbs));
        return 0;
      };
    },
  };
}

/** Verbs after `shipshape`, the containers that run after a verb or a link, then what bash completes for any command. */
export function completionScript(verbs: readonly string[]): string {
  return `# Tab completion of shipshape, docker-bash and docker-ssh for bash; made by \`shipshape completion bash\`.
_shipshape_containers() {
  local engine
  for engine in docker podman; do
    [ "\${SHIPSHAPE_ENGINE:-$engine}" != "$engine" ] || "$engine" ps --format '{{.Names}}' 2>/dev/null
  done
}

_shipshape() {
  local verb word=\${COMP_WORDS[COMP_CWORD]} at=1
  case \${COMP_WORDS[0]##*/} in
  docker-bash) verb=bash ;;
  docker-ssh) verb=ssh ;;
  *)
    if [ "$COMP_CWORD" = 1 ]; then
      COMPREPLY=($(compgen -W '${verbs.join(" ")}' -- "$word"))
      return
    fi
    verb=\${COMP_WORDS[1]}
    at=2
    ;;
  esac
  case $verb in
  bash | ssh) ;;
  completion)
    COMPREPLY=($(compgen -W bash -- "$word"))
    return
    ;;
  *) return ;;
  esac
  # Over the options, of which those with a value take the next word too.
  while [ "$at" -lt "$COMP_CWORD" ]; do
    case \${COMP_WORDS[at]} in
    -[uilo]) at=$((at + 2)) ;;
    -*) at=$((at + 1)) ;;
    *) break ;;
    esac
  done
  if [ "$at" = "$COMP_CWORD" ]; then
    COMPREPLY=($(compgen -W "$(_shipshape_containers)" -- "$word"))
  elif [ "\${COMP_WORDS[COMP_CWORD - 1]}" = -i ]; then
    COMPREPLY=($(compgen -f -- "$word"))
  fi
}

complete -o default -F _shipshape shipshape
complete -F _shipshape docker-bash docker-ssh
`;
}
