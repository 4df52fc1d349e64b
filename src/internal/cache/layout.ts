/**
 * The paths of one home's cache, resolved once.
 *
 * Hosts link `plugins/` or `plugins/cache` of many homes to one folder, or mount a volume there.
 * All homes that share a cache must exclude each other, so lock and staging are next to the
 * resolved cache. If a rename from there into the cache fails, as for a mount, both are inside the
 * cache, in {@link insideName}.
 */
import { Effect, Option, type Path } from "effect"
import { stagingName } from "../fileNames.ts"
import { codeOf } from "../platformError.ts"
import * as Disk from "../disk/Disk.ts"
import { prefix } from "./staging.ts"

/**
 * The folder in the cache for lock and staging. No marketplace has this name, because of its dot.
 */
const insideName = ".codex-plugins"

export interface Layout {
  /** The cached plugins. No part of the path below the home is a link. */
  readonly cache: string
  /** The folder in which bundles are staged. The lock's file is next to it. */
  readonly staging: string
  /**
   * True if the resolved cache is outside the resolved home, or is a mount below it, so that other
   * homes may use it.
   */
  readonly isShared: boolean
}

/**
 * Tries a rename between two folders without changing anything: the name does not exist, and a
 * rename across mounts fails before the system looks up names.
 */
const refusesRename = (disk: Disk.Disk, path: Path.Path, from: string, to: string) => {
  const name = `${prefix}no-such-entry`
  return Effect.map(
    Effect.option(Effect.flip(disk.rename(path.join(from, name), path.join(to, name)))),
    (error) => Option.exists(error, (error) => codeOf(error) === "EXDEV")
  )
}

/** Finds the paths below a home, whose path is absolute. Changes nothing on disk. */
export const find: (disk: Disk.Disk, path: Path.Path, root: string) => Effect.Effect<Layout> =
  Effect.fnUntraced(function* (disk, path, root) {
    const given = path.join(root, "plugins", "cache")
    const realRoot = yield* Disk.resolve(disk, path, root)
    const realCache = yield* Disk.resolve(disk, path, given)
    // If only the home or a folder above it is a link, the paths keep the caller's form.
    const isPlain = realCache === path.join(realRoot, "plugins", "cache")
    const cache = isPlain ? given : realCache
    const parent = path.dirname(cache)
    const relative = path.relative(realRoot, realCache)
    const isOutside = relative.split(path.sep)[0] === ".." || path.isAbsolute(relative)
    const isApart = yield* refusesRename(disk, path, parent, cache)
    const isShared =
      isOutside || isApart || (isPlain && (yield* refusesRename(disk, path, root, parent)))
    const staging = path.join(isApart ? path.join(cache, insideName) : parent, stagingName)
    return { cache, staging, isShared }
  })
