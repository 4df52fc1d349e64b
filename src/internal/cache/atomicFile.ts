/**
 * Files that are whole or not there: written beside, synced, renamed into place.
 */
import { Effect, type FileSystem, type PlatformError } from "effect"
import { codeOf, isAbsent } from "../platformError.ts"
import * as Shortcuts from "./shortcuts.ts"

type Fs = FileSystem.FileSystem
type Result = Effect.Effect<void, PlatformError.PlatformError>

/** Nothing is there, it is no folder, or it is one that cannot be opened, as on Windows. */
const isUnopenable = (error: PlatformError.PlatformError): boolean =>
  error.reason.method === "open" && (isAbsent(error) || error.reason._tag === "PermissionDenied")

/** File systems that cannot sync a folder, such as some network ones, see to its names themselves. */
const isUnsyncable = (error: PlatformError.PlatformError): boolean =>
  ["EINVAL", "ENOTSUP", "ENOSYS"].includes(codeOf(error) ?? "")

/** Makes a file's bytes durable after another call has written them. */
export const syncFile = (fs: Fs, file: string): Result =>
  fs.open(file, { flag: "r" }).pipe(
    Effect.flatMap((file) => file.sync),
    Effect.scoped
  )

/** Makes the names in a folder durable: what was created, renamed or removed there. */
export const syncDirectory = (fs: Fs, directory: string): Result =>
  Effect.catchIf(
    Shortcuts.of(fs)?.syncDirectory(directory) ?? syncFile(fs, directory),
    (error) => isUnopenable(error) || isUnsyncable(error),
    () => Effect.void
  )

/**
 * Writes and syncs a new file. `settle` says that the umask may be in the way of its mode; then it is
 * set once more.
 */
export const create = (
  fs: Fs,
  target: string,
  contents: Uint8Array,
  mode: number,
  settle = true
): Result =>
  Shortcuts.of(fs)?.create(target, contents, mode, settle) ??
  fs.open(target, { flag: "wx", mode }).pipe(
    Effect.tap((file) => file.writeAll(contents)),
    Effect.tap(() => (settle ? fs.chmod(target, mode) : Effect.void)),
    Effect.flatMap((file) => file.sync),
    Effect.scoped
  )

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
) => Result = Effect.fnUntraced(function* (fs, { contents, mode, target, temporary }) {
  // After the rename there is nothing under this name any more.
  yield* Effect.addFinalizer(() => Effect.ignore(fs.remove(temporary, { force: true })))
  yield* create(fs, temporary, contents, mode)
  yield* fs.rename(temporary, target)
}, Effect.scoped)
