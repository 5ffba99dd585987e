import type { Bytes } from "./bytes.ts";

/** Begins the names of our settings in an environment, where the application's variables are too. */
const PREFIX = "SHIPSHAPE_";

/** Reads one value; `undefined` when the text means nothing. */
interface Reading<S> {
  /** Completes the sentence "… is not". */
  readonly form: string;
  readonly read: (text: Bytes) => S[keyof S] | undefined;
}

/** Describes one setting: which member of the settings it sets, and how. */
export interface Setting<S> extends Reading<S> {
  readonly member: keyof S;
  /** Reads the value under the name without prefix in an environment, where the application may mean something else by it. */
  readonly plain?: Reading<S>;
  /** The name is phusion's: it has no prefix and needs none. */
  readonly original?: boolean;
}

/** All settings of one program by their names without prefix. */
export type SettingTable<S> = Readonly<Record<string, Setting<S>>>;

/** Values by name, from one place. */
export interface SettingSource {
  /** Names the place in warnings. */
  readonly from: string;
  readonly values: ReadonlyMap<Bytes, Bytes>;
  /** The application's variables are in the same place. */
  readonly shared?: boolean;
}

/** Returns the text of a setting of ours, under its name with prefix or else without. */
export function settingText(values: ReadonlyMap<Bytes, Bytes>, name: Bytes): Bytes | undefined {
  return values.get(PREFIX + name) ?? values.get(name);
}

/** Whether a variable is a setting whose name without prefix begins like this. */
export function isSettingOf(variable: Bytes, start: Bytes): boolean {
  return variable.startsWith(start) || variable.startsWith(PREFIX + start);
}

/**
 * Reads settings out of several sources, the later ones of which win.
 * @param warn gets a line for each value that is not used, and one for all names without prefix that are
 */
export function readSettings<S extends object>(
  base: S,
  table: SettingTable<S>,
  sources: readonly SettingSource[],
  warn: (message: string) => void,
): S {
  const settings = { ...base };
  const used: Record<string, Bytes> = {};
  for (const { from, values, shared = false } of sources) {
    const plainNames: string[] = [];
    for (const [name, setting] of Object.entries(table)) {
      const own = setting.original ? undefined : values.get(PREFIX + name);
      const text = own ?? values.get(name);
      if (text === undefined) continue;
      const isPlain = shared && !setting.original && own === undefined;
      const { form, read } = (isPlain ? setting.plain : undefined) ?? setting;
      const value = read(text);
      if (value === undefined) {
        const instead = isPlain
          ? `so it is left to the application; the setting is ${PREFIX}${name}`
          : `using ${used[name] ?? "the default"}`;
        warn(
          `${from}: ${own === undefined ? "" : PREFIX}${name}="${text}" is not ${form}${isPlain ? "," : ";"} ${instead}`,
        );
        continue;
      }
      settings[setting.member] = value;
      used[name] = text;
      if (isPlain) plainNames.push(name);
    }
    if (plainNames.length > 0) {
      const better = plainNames.map((name) => PREFIX + name).join(", ");
      warn(`${from}: ${plainNames.join(", ")} counts here; call it ${better}, which no application takes for its own`);
    }
  }
  return settings;
}
