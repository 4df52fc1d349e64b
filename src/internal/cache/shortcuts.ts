/**
 * What a file system may do in one step for which others need several calls, or an error.
 */
import { Effect, type FileSystem, type PlatformError } from "effect"
import { isAbsent } from "../platformError.ts"

type Result<A = void> = Effect.Effect<A, PlatformError.PlatformError>

/** Under this key a file system offers its {@link Shortcuts}. */
export const key: unique symbol = Symbol.for("effect-codex-plugins/internal/shortcuts")

export interface Shortcuts {
  /** What stands under a name, links not followed; undefined where nothing does. */
  readonly infoOf: (path: string) => Result<FileSystem.File.Info | undefined>
  /** Writes and syncs a new file; `settle` sets its mode once more, against the umask. */
  readonly create: (path: string, contents: Uint8Array, mode: number, settle: boolean) => Result
  /** Opens a folder and syncs it; the method of an error says which of them failed. */
  readonly syncDirectory: (path: string) => Result
  /** Whether calls are over when they return, so that nothing comes of many at a time. */
  readonly isImmediate: () => boolean
}

export const of = (fs: FileSystem.FileSystem): Shortcuts | undefined =>
  (fs as FileSystem.FileSystem & { readonly [key]?: Shortcuts })[key]

/** Whether nothing comes of many calls at a time. */
export const isImmediate = (fs: FileSystem.FileSystem): boolean => of(fs)?.isImmediate() ?? false

/** What stands under a name, links not followed; undefined where nothing does, or can. */
export const infoOf = (
  fs: FileSystem.FileSystem,
  path: string
): Result<FileSystem.File.Info | undefined> =>
  Effect.catchIf(of(fs)?.infoOf(path) ?? fs.lstat(path), isAbsent, () => Effect.succeed(undefined))
