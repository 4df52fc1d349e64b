/**
 * Files that are whole or not there: written beside, synced, renamed into place.
 */
import { Effect, type FileSystem, type PlatformError } from "effect"
import { codeOf } from "./platformError.ts"

type Fs = FileSystem.FileSystem

/** Nothing is there, it is no folder, or it is one that cannot be opened, as on Windows. */
const isUnopenable = ({ reason }: PlatformError.PlatformError): boolean =>
  reason._tag === "NotFound" || reason._tag === "BadResource" || reason._tag === "PermissionDenied"

/** File systems that cannot sync a folder, such as some network ones, see to its names themselves. */
const isUnsyncable = (error: PlatformError.PlatformError): boolean =>
  ["EINVAL", "ENOTSUP", "ENOSYS"].includes(codeOf(error) ?? "")

/** Makes the names in a folder durable: what was created, renamed or removed there. */
export const syncDirectory = (
  fs: Fs,
  directory: string
): Effect.Effect<void, PlatformError.PlatformError> =>
  fs.open(directory, { flag: "r" }).pipe(
    Effect.catchIf(isUnopenable, () => Effect.succeed(undefined)),
    Effect.flatMap((folder) => (folder === undefined ? Effect.void : folder.sync)),
    Effect.catchIf(isUnsyncable, () => Effect.void),
    Effect.scoped
  )

/** Makes a file's bytes durable after another call has written them. */
export const syncFile = (fs: Fs, file: string): Effect.Effect<void, PlatformError.PlatformError> =>
  fs.open(file, { flag: "r" }).pipe(
    Effect.flatMap((file) => file.sync),
    Effect.scoped
  )

/** Writes and syncs a new file; its mode holds whatever the umask is. */
export const writeSynced: (
  fs: Fs,
  target: string,
  contents: Uint8Array,
  mode: number
) => Effect.Effect<void, PlatformError.PlatformError> = Effect.fnUntraced(function* (
  fs,
  target,
  contents,
  mode
) {
  const file = yield* fs.open(target, { flag: "wx", mode })
  yield* file.writeAll(contents)
  yield* fs.chmod(target, mode)
  yield* file.sync
}, Effect.scoped)

/**
 * Replaces `target` in one step. The rename is the only commit point: on failure or interruption
 * before it the target is as it was and the temporary file is gone.
 */
export const write: (
  fs: Fs,
  options: {
    readonly target: string
    readonly contents: Uint8Array
    readonly mode: number
    /** Written, then renamed: a new name on the same file system as the target. */
    readonly temporary: string
  }
) => Effect.Effect<void, PlatformError.PlatformError> = Effect.fnUntraced(function* (
  fs,
  { contents, mode, target, temporary }
) {
  // After the rename there is nothing under this name any more.
  yield* Effect.addFinalizer(() => Effect.ignore(fs.remove(temporary, { force: true })))
  yield* writeSynced(fs, temporary, contents, mode)
  yield* fs.rename(temporary, target)
}, Effect.scoped)
