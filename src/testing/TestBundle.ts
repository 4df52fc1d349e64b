/**
 * Bundles as the backend serves them: the gzip of a tar with the plugin's files at its root.
 *
 * The same contents give the same bytes.
 */
import { Effect, Stream } from "effect"
import { Tar } from "effect/encoding"
import * as Zlib from "node:zlib"

/**
 * A file with its mode. The default mode is 0644.
 *
 * @category models
 * @since 0.1.0
 */
export interface File {
  readonly content: string | Uint8Array
  readonly mode?: number
}

/**
 * Files by their path below the plugin's root, with `/` between segments.
 *
 * @category models
 * @since 0.1.0
 */
export type Files = Readonly<Record<string, string | Uint8Array | File>>

/**
 * Files, or tar entries of any kind for archives that cannot be made from files.
 *
 * @category models
 * @since 0.1.0
 */
export type Contents = Files | Iterable<Tar.Entry>

/**
 * The files of a small, valid plugin: its manifest and one skill.
 *
 * @category constructors
 * @since 0.1.0
 */
export const plugin = (options: {
  readonly name: string
  readonly version?: string | undefined
  readonly description?: string | undefined
}): Files => ({
  ".codex-plugin/plugin.json": `${JSON.stringify(
    {
      name: options.name,
      ...(options.version === undefined ? undefined : { version: options.version }),
      description: options.description ?? `The plugin ${options.name}`
    },
    null,
    2
  )}\n`,
  [`skills/${options.name}/SKILL.md`]: `---\nname: ${options.name}\ndescription: Shows that ${options.name} is there.\n---\n\nSay hello.\n`
})

const isFile = (value: string | Uint8Array | File): value is File =>
  typeof value === "object" && "content" in value

const isEntries = (contents: Contents): contents is Iterable<Tar.Entry> =>
  Symbol.iterator in contents

/**
 * The entries of a tar with these files, in the given order.
 *
 * @category constructors
 * @since 0.1.0
 */
export const entries = (files: Files): ReadonlyArray<Tar.Entry> =>
  Object.entries(files).map(([path, value]) =>
    isFile(value) ? Tar.file(path, value.content, { mode: value.mode }) : Tar.file(path, value)
  )

/**
 * The uncompressed archive.
 *
 * @category constructors
 * @since 0.1.0
 */
export const tar = (contents: Contents): Effect.Effect<Uint8Array, Tar.TarError> =>
  Stream.fromIterable(isEntries(contents) ? contents : entries(contents)).pipe(
    Stream.pipeThroughChannel(Tar.encode()),
    Stream.mkUint8Array
  )

/**
 * Compresses any bytes, also those of a broken archive.
 *
 * @category constructors
 * @since 0.1.0
 */
export const gzip = (bytes: Uint8Array): Uint8Array => Zlib.gzipSync(bytes)

/**
 * The bundle with these contents. Fails if a tar cannot contain them.
 *
 * @category constructors
 * @since 0.1.0
 */
export const tarGz = (contents: Contents): Effect.Effect<Uint8Array, Tar.TarError> =>
  Effect.map(tar(contents), gzip)
