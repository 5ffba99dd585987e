/**
 * A whole number written with decimal digits only: no sign, no blanks, no exponent. `null` for anything else, for more
 * than 15 digits, and for a number above `most`.
 */
export function parseDecimal(text: string, most: number = Number.MAX_SAFE_INTEGER): number | null {
  if (text.length < 1 || text.length > 15) return null;
  for (const digit of text) if (digit < "0" || digit > "9") return null;
  return Number(text) <= most ? Number(text) : null;
}
