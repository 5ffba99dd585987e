/**
 * Ends a repository check: prints what it found and sets the exit status, 1 when it found something.
 * @param seen what was looked at, with its number, so that a check that saw nothing is noticed by its reader
 */
export function verdict(findings: readonly string[], seen: string): void {
  for (const finding of findings) console.error(finding);
  console.log(findings.length === 0 ? `nothing found in ${seen}` : `${findings.length} findings in ${seen}`);
  process.exitCode = findings.length === 0 ? 0 : 1;
}
