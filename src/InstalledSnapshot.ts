/**
 * The backend's side of a pass: what the account has installed.
 */
import type { Result } from "effect"
import type { RemotePlugin, UnfitPlugin } from "./RemotePlugin.ts"

/** The whole listing, complete and in its order. */
export interface InstalledSnapshot {
  /** A row that does not decode is kept as its error: it forbids removals in that pass. */
  readonly rows: ReadonlyArray<Result.Result<RemotePlugin, UnfitPlugin>>
}
