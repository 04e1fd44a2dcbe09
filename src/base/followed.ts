/** A value that may be replaced while it is in use. */
export interface Followed<T> {
  readonly now: T;
  /** Whoever uses it is told of each that replaces it. */
  follow(take: (value: T) => void): void;
}
