/**
 * A plugin's manifest on disk.
 */
import { Effect, type FileSystem, type Path, type PlatformError, Result } from "effect"
import * as SmallFile from "../smallFile.ts"
import * as PluginManifest from "../../PluginManifest.ts"
import * as Reads from "../disk/reads.ts"
import { codeOf, isAbsent, isTooLarge } from "../platformError.ts"

export interface ManifestFile {
  readonly path: string
  /** One of {@link PluginManifest.paths}. */
  readonly relativePath: string
  readonly bytes: Uint8Array
  readonly json: unknown
}

/** A manifest that has been checked. */
interface CheckedFile extends ManifestFile {
  readonly manifest: PluginManifest.PluginManifest
}

const noEntries: ReadonlyArray<FileSystem.DirectoryEntry> = []

/**
 * True for an entry that is not a regular file, which counts as absent. A socket cannot even be
 * opened.
 */
const isNoManifest = (error: PlatformError.PlatformError): boolean =>
  isAbsent(error) || codeOf(error) === "ENXIO"

type Refusal = PluginManifest.InvalidManifest

/** See {@link find}. */
function* findReads(
  path: Path.Path,
  root: string,
  candidates: ReadonlyArray<string> = PluginManifest.paths
): Reads.Reads<Result.Result<ManifestFile, Refusal>> {
  const entries = yield* Reads.recover(Reads.entries(root), isAbsent, noEntries)
  for (const relativePath of candidates) {
    const [first = relativePath, second] = relativePath.split("/")
    // A link does not count: it may point outside the plugin.
    const type = second === undefined ? "File" : "Directory"
    if (!entries.some((entry) => entry.name === first && entry.type === type)) continue
    const file =
      second === undefined
        ? `${root}${path.sep}${first}`
        : `${root}${path.sep}${first}${path.sep}${second}`
    const content = Reads.recover(Reads.readFile(file, SmallFile.maxBytes), isNoManifest, undefined)
    const bytes = yield* Reads.recover(content, isTooLarge, "TooLarge" as const)
    if (bytes === undefined) continue
    if (bytes === "TooLarge") {
      return Result.fail(
        new PluginManifest.InvalidManifest({
          path: file,
          reason: { _tag: "TooLarge", most: SmallFile.maxBytes }
        })
      )
    }
    const parsed = PluginManifest.parseJsonResult(bytes, file)
    const found = (json: unknown): ManifestFile => ({ path: file, relativePath, bytes, json })
    if (relativePath !== PluginManifest.agentPluginPath) return Result.map(parsed, found)
    const json = Result.getOrUndefined(parsed)
    if (PluginManifest.isAgentPlugin(json)) return Result.succeed(found(json))
  }
  return Result.fail(
    new PluginManifest.InvalidManifest({ path: root, reason: { _tag: "Missing" } })
  )
}

/** The operations that find and read a manifest. */
type Readable = Pick<Reads.Operations, "entries" | "readFile">

const runReads = <A>(disk: Readable, make: () => Reads.Reads<Result.Result<A, Refusal>>) =>
  Effect.flatMap(
    Reads.run(
      {
        entries: disk.entries,
        readFile: disk.readFile,
        lstat: () => Effect.die("the reads of a manifest need no lstat")
      },
      make
    ),
    Effect.fromResult
  )

/** The first of the candidates that exists. Only this one counts, even if it is invalid. */
export const find = (
  disk: Readable,
  path: Path.Path,
  root: string,
  candidates?: ReadonlyArray<string>
): Effect.Effect<ManifestFile, Refusal | PlatformError.PlatformError> =>
  runReads(disk, () => findReads(path, root, candidates))

const checked = (
  file: ManifestFile,
  expectedName: string
): Result.Result<PluginManifest.PluginManifest, Refusal> =>
  Result.flatMap(PluginManifest.decodeResult(file.json, file.path, file.relativePath), (manifest) =>
    Result.map(PluginManifest.checkNameResult(manifest, expectedName, file.path), () => manifest)
  )

/** Decodes a manifest and checks that it names this plugin. */
export const check = (
  file: ManifestFile,
  expectedName: string
): Effect.Effect<PluginManifest.PluginManifest, Refusal> =>
  Effect.fromResult(checked(file, expectedName))

/** See {@link read}. */
function* checkedReads(
  path: Path.Path,
  root: string,
  expectedName: string
): Reads.Reads<Result.Result<CheckedFile, Refusal>> {
  return Result.flatMap(yield* findReads(path, root), (file) =>
    Result.map(checked(file, expectedName), (manifest) => ({ ...file, manifest }))
  )
}

/**
 * True if a folder has a valid manifest that names the plugin. Never fails because of the manifest.
 */
export function* hasValidManifest(
  path: Path.Path,
  root: string,
  expectedName: string
): Reads.Reads<boolean> {
  const found = yield* Reads.recover(findReads(path, root), () => true, undefined)
  const file = found && Result.getOrUndefined(found)
  if (file === undefined) return false
  const { json, relativePath } = file
  return relativePath !== PluginManifest.agentPluginPath && PluginManifest.isPlain(json)
    ? json.name === expectedName
    : Result.isSuccess(checked(file, expectedName))
}

/** Reads and checks the manifest of the plugin in a folder. */
export const read = (
  disk: Readable,
  path: Path.Path,
  root: string,
  expectedName: string
): Effect.Effect<CheckedFile, Refusal | PlatformError.PlatformError> =>
  runReads(disk, () => checkedReads(path, root, expectedName))
