/** Says to whoever waits what is being done. Results go to stdout, this goes to stderr. */
export function progress(text: string): void {
  process.stderr.write(`${text}\n`);
}
