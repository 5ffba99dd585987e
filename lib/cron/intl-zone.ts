import type { Zone } from "./next.ts";

/** A real zone, by the data that `Intl` brings. For tests: the runtime has no `Intl`. @param name `Europe/Berlin` */
export function intlZone(name: string): Zone {
  const format = new Intl.DateTimeFormat("en", { timeZone: name, timeZoneName: "longOffset" });
  const known = new Map<number, number>();
  return (minute) => {
    // Offsets change at quarters of an hour.
    const quarter = Math.floor(minute / 15);
    let offset = known.get(quarter);
    if (offset === undefined) {
      const [, sign, hours, minutes] = /GMT(?:([+-])(\d\d):(\d\d))?/.exec(format.format(quarter * 900_000)) ?? [];
      offset = (sign === "-" ? -1 : 1) * (Number(hours ?? 0) * 60 + Number(minutes ?? 0));
      known.set(quarter, offset);
    }
    return offset;
  };
}

/** Minutes since the Epoch of a time like `2026-03-29 01:00`, in UTC. */
export function minuteOf(utc: string): number {
  return Date.parse(`${utc}Z`) / 60_000;
}
