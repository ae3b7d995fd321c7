import { describe, expect, it } from "vitest";
import { floorsOf } from "../../../scripts/rooms/floors.ts";

const arrow = (from: string, to: string): { from: string; to: string } => ({ from, to });

describe("floorsOf", () => {
  it("puts a room one floor above the highest that it imports", () => {
    const arrows = [arrow("roof", "hall"), arrow("roof", "cellar"), arrow("hall", "cellar")];
    const { floors, backUp } = floorsOf(["cellar", "hall", "roof", "yard"], arrows);
    expect(floors).toEqual([["roof"], ["hall"], ["cellar", "yard"]]);
    expect(backUp).toEqual([]);
  });

  it("names an arrow of each circle as one that runs back up", () => {
    const arrows = [arrow("roof", "hall"), arrow("hall", "roof"), arrow("hall", "cellar")];
    const { floors, backUp } = floorsOf(["roof", "hall", "cellar"], arrows);
    expect(floors).toEqual([["roof"], ["hall"], ["cellar"]]);
    expect(backUp).toEqual([arrow("hall", "roof")]);
  });
});
