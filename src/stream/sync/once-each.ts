/**
 * Returns a function that passes on the first call for each name. It remembers `most` names; calls
 * for further ones are not passed on.
 */
export function onceEach<Rest extends readonly unknown[]>(
  most: number,
  log: (name: string, ...rest: Rest) => void,
): (name: string, ...rest: Rest) => void {
  const seen = new Set<string>();
  return (name, ...rest) => {
    if (seen.has(name) || seen.size >= most) return;
    seen.add(name);
    log(name, ...rest);
  };
}
