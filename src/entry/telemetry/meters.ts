import type { Attributes, Meter } from "@opentelemetry/api";
import { ALL_INSTRUMENTS, type Instrument } from "./instruments.ts";

/** A value of a gauge. */
export interface Reading {
  readonly value: number;
  readonly attributes?: Attributes;
}

/** The instruments of the table. */
export interface Meters {
  /** Adds to a counter, or records in a histogram. */
  readonly record: (instrument: Instrument, value: number, attributes?: Attributes) => void;
  /** Has a gauge read whenever somebody asks for it. */
  readonly observe: (instrument: Instrument, read: () => readonly Reading[]) => void;
}

/** In seconds: from what a memory answers in to a stream that is open for an hour. */
const SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5, 30, 300, 3600];

/** Makes every instrument of the table. */
export function createMeters(meter: Meter): Meters {
  const recorders = new Map<Instrument, (value: number, attributes?: Attributes) => void>();
  for (const instrument of ALL_INSTRUMENTS) {
    const { kind, name, unit, description } = instrument;
    if (kind === "counter") {
      const counter = meter.createCounter(name, { unit, description });
      recorders.set(instrument, (value, attributes) => counter.add(value, attributes));
    } else if (kind === "histogram") {
      const advice = { explicitBucketBoundaries: SECONDS };
      const histogram = meter.createHistogram(name, { unit, description, advice });
      recorders.set(instrument, (value, attributes) => histogram.record(value, attributes));
    }
  }
  return {
    record: (instrument, value, attributes) => recorders.get(instrument)?.(value, attributes),
    observe({ name, unit, description }, read) {
      meter.createObservableGauge(name, { unit, description }).addCallback((result) => {
        for (const { value, attributes } of read()) result.observe(value, attributes);
      });
    },
  };
}
