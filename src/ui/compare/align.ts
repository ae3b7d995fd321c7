/** Two items side by side; null where the other list has none that fits. */
export interface AlignedPair<T> {
  readonly left: T | null;
  readonly right: T | null;
}

/**
 * Lays two lists side by side so that as many items as possible stand beside one with the same key, each list in its order. The work
 * is the product of their lengths.
 */
export function align<T>(
  left: readonly T[],
  right: readonly T[],
  keyOf: (item: T) => string,
): readonly AlignedPair<T>[] {
  const columns = right.length + 1;
  /** The most pairs from (row, column) to the ends. */
  const most = new Uint32Array((left.length + 1) * columns);
  const at = (row: number, column: number): number => most[row * columns + column] ?? 0;
  const [leftKeys, rightKeys] = [left.map(keyOf), right.map(keyOf)];
  for (let row = left.length - 1; row >= 0; row -= 1)
    for (let column = right.length - 1; column >= 0; column -= 1)
      most[row * columns + column] =
        leftKeys[row] === rightKeys[column]
          ? at(row + 1, column + 1) + 1
          : Math.max(at(row + 1, column), at(row, column + 1));
  const pairs: AlignedPair<T>[] = [];
  let [row, column] = [0, 0];
  while (row < left.length || column < right.length) {
    const [one, other] = [left[row] ?? null, right[column] ?? null];
    const isPair = one !== null && other !== null && leftKeys[row] === rightKeys[column];
    const isLeft =
      !isPair && one !== null && (other === null || at(row + 1, column) >= at(row, column + 1));
    pairs.push({ left: isPair || isLeft ? one : null, right: isPair || !isLeft ? other : null });
    if (isPair || isLeft) row += 1;
    if (isPair || !isLeft) column += 1;
  }
  return pairs;
}
