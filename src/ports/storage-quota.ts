/** How much the log store may hold. */
export interface StorageQuota {
  /** Throws `quota-exceeded` where the store holds as much as it may, or more, as far as it is known now. */
  assertRoom(): void;
}
