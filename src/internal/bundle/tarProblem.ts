/**
 * The reasons for which the tar reader rejects an archive.
 */

/** The reason why a tar is rejected. */
export type Problem =
  | { readonly _tag: "Truncated" }
  | { readonly _tag: "MalformedTar"; readonly detail: string }
  | { readonly _tag: "UnsupportedEntry"; readonly type: string }
  | { readonly _tag: "LimitExceeded"; readonly limit: keyof Limits }

export interface Limits {
  /** Bytes of one extended header. */
  readonly HeaderBytes: number
  /** Bytes between the contents of two entries, or after the last. */
  readonly GapBytes: number
  /** Bytes of the whole tar. */
  readonly TarBytes: number
}

export const malformed = (detail: string): Problem => ({ _tag: "MalformedTar", detail })

/** The problem of a damaged header that begins at the byte `at`. */
export const damaged = (detail: string, at: number): Problem =>
  malformed(`${detail} (header at byte ${at})`)

export const truncated: Problem = { _tag: "Truncated" }

export const sparse: Problem = { _tag: "UnsupportedEntry", type: "GNU sparse file" }

export const isProblem = (value: object): value is Problem => "_tag" in value
