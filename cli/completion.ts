import { bashScript } from "./completion/bash.ts";
import { fishScript } from "./completion/fish.ts";
import { zshScript } from "./completion/zsh.ts";
import type { Verb } from "./verb.ts";

type Script = (verbs: Readonly<Record<string, Verb>>) => string;

/** What makes the code for a shell. */
export const scripts: Readonly<Record<string, Script>> = { bash: bashScript, zsh: zshScript, fish: fishScript };

/** `shipshape completion`: the shell code that completes verbs, options and names of containers. @param verbs all there are */
export function completion(verbs: () => Readonly<Record<string, Verb>>): Verb {
  const shells = Object.keys(scripts);
  return {
    options: [],
    operands: shells.join("|"),
    first: shells,
    summary: "print tab completion for a shell",
    details: [
      "Put it where the shell looks:",
      "  shipshape completion bash >/etc/bash_completion.d/shipshape",
      "  shipshape completion zsh >/usr/local/share/zsh/site-functions/_shipshape",
      "  shipshape completion fish >/etc/fish/conf.d/shipshape.fish",
    ],
    prepare({ operands: [shell = "", ...more] }) {
      const script = scripts[shell];
      if (script === undefined || more.length > 0) return `which shell? It knows ${shells.join(", ")}`;
      return async () => {
        process.stdout.write(script(verbs()));
        return 0;
      };
    },
  };
}
