import { useEffect, useState } from "preact/hooks";

export interface PositionRailProps {
  /** Where the first row in view lies in the whole history, 0 to 1. */
  readonly share: number;
  /** Another place is wanted, 0 to 1. */
  readonly onMove: (share: number) => void;
}

const STEPS = 1_000;
/** While the rail is being dragged a place is asked for at most so often. */
const SETTLED_MS = 60;

/** Stands for the whole history, however long it is: beside a list that has a part of it. */
export function PositionRail({ share, onMove }: PositionRailProps) {
  const [wanted, setWanted] = useState<number | null>(null);
  useEffect(() => {
    if (wanted === null) return undefined;
    const timer = setTimeout(() => onMove(wanted / STEPS), SETTLED_MS);
    return () => clearTimeout(timer);
  }, [wanted]);
  const value = wanted ?? Math.round(share * STEPS);
  return (
    <input
      class="position-rail"
      type="range"
      min={0}
      max={STEPS}
      value={value}
      aria-label="Place in the whole log"
      aria-orientation="vertical"
      aria-valuetext={`${(value / 10).toFixed(1)} % of the log`}
      onInput={({ currentTarget }) => setWanted(currentTarget.valueAsNumber)}
      onChange={({ currentTarget }) => {
        onMove(currentTarget.valueAsNumber / STEPS);
        setWanted(null);
      }}
    />
  );
}
