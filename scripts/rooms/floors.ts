/** That one room imports another. */
export interface Arrow {
  readonly from: string;
  readonly to: string;
}

/** A house as its arrows lay it out. */
export interface Floors<A extends Arrow> {
  /** The names of the rooms, the top floor first. A room stands one floor above the highest that it imports. */
  readonly floors: readonly (readonly string[])[];
  /** The arrows that close a circle: without them the house has floors. */
  readonly backUp: readonly A[];
}

/** Lays rooms out on floors so that every arrow leads down, but for those that cannot. */
export function floorsOf<A extends Arrow>(
  rooms: readonly string[],
  arrows: readonly A[],
): Floors<A> {
  const backUp: A[] = [];
  const floorOf = new Map<string, number>();
  const above: string[] = [];
  const visit = (room: string): number => {
    const known = floorOf.get(room);
    if (known !== undefined) return known;
    above.push(room);
    let floor = 0;
    for (const arrow of arrows) {
      if (arrow.from !== room) continue;
      if (above.includes(arrow.to)) backUp.push(arrow);
      else floor = Math.max(floor, visit(arrow.to) + 1);
    }
    above.pop();
    floorOf.set(room, floor);
    return floor;
  };
  const top = Math.max(...rooms.map(visit));
  const floors = Array.from({ length: top + 1 }, (_, index) =>
    rooms.filter((room) => floorOf.get(room) === top - index),
  );
  return { floors, backUp };
}
