import type { Spread } from "./statistics.ts";

/** Three digits that mean something: 0.0123, 1.23, 12.3, 123, 12345. */
export function digits(value: number): string {
  if (value === 0) return "0";
  const places = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
  return value.toFixed(Math.min(places, 4));
}

/** A ratio to a peer, `–` without one. */
export function times(ratio: number | null): string {
  return ratio === null ? "–" : `${digits(ratio)} ×`;
}

/** The median and the ends of the middle half, divided by `unit`. */
export function middle(s: Spread | null, unit = 1): string {
  return s === null ? "–" : `${digits(s.median / unit)} (${digits(s.lower / unit)}–${digits(s.upper / unit)})`;
}

/** `12 %` */
export function percent(value: number): string {
  return `${value.toFixed(0)} %`;
}

/** `1.31 ms` */
export function milliseconds(ns: number): string {
  return `${digits(ns / nsPerMs)} ms`;
}

export const nsPerMs = 1e6;
export const nsPerUs = 1e3;
