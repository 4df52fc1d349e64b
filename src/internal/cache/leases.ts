/**
 * Leases: a process leases a version while it uses its files, so that no other process removes
 * them.
 *
 * A lease is an empty file in staging. Its name contains the owner, the plugin and the version. It
 * is valid as long as its owner runs.
 */
import { Effect, type PlatformError, type Scope } from "effect"
import * as Hex from "effect/encoding/Hex"
import type { PluginId } from "../../PluginId.ts"
import * as PluginVersion from "../../PluginVersion.ts"
import type { Liveness, Owner } from "../lock/liveness.ts"
import { hexDigits } from "./randomName.ts"
import { leasePrefix } from "./staging.ts"

/** The steps on the disk that leases need. */
interface Operations<E> {
  readonly staging: string
  /** The names in staging; none if there is no such folder. */
  readonly names: Effect.Effect<ReadonlyArray<string>, E>
  /** Creates an empty file in staging, which must not exist. */
  readonly create: (name: string) => Effect.Effect<void, E>
  readonly remove: (name: string) => Effect.Effect<void>
}

/** Half of a SHA-256 digest, which fits in a file name. */
const digest = (text: string): Effect.Effect<string> =>
  Effect.promise(() =>
    globalThis.crypto.subtle.digest("SHA-256", new TextEncoder().encode(text))
  ).pipe(Effect.map((bytes) => Hex.encode(new Uint8Array(bytes)).slice(0, 32)))

interface LeaseName {
  readonly owner: Owner
  readonly plugin: string
  readonly version: string
}

const parse = (name: string): LeaseName | undefined => {
  if (!name.startsWith(leasePrefix)) return undefined
  const [owner = "", plugin = "", version = ""] = name.slice(leasePrefix.length).split("-")
  return { owner, plugin, version }
}

/** The leases of one home. */
export type Leases = ReturnType<typeof make<PlatformError.PlatformError>>

export const make = <E>(operations: Operations<E>, liveness: Liveness) => {
  const { staging } = operations

  /**
   * Leases a version until the scope closes. The caller holds the lock and has checked that the
   * version exists. Fails with the errors of the operations and of the liveness.
   */
  const take = Effect.fnUntraced(function* (
    pluginId: PluginId,
    version: PluginVersion.PluginVersion
  ): Effect.fn.Return<void, unknown, Scope.Scope> {
    const owner = yield* liveness.register(staging)
    const id = hexDigits(8)
    const name = `${leasePrefix}${[owner, yield* digest(pluginId), yield* digest(version), id].join("-")}`
    yield* Effect.acquireRelease(operations.create(name), () => operations.remove(name))
  })

  /** Those of a plugin's versions that a running process has leased. */
  const leased = Effect.fnUntraced(function* (
    pluginId: PluginId,
    versions: ReadonlyArray<PluginVersion.PluginVersion>
  ) {
    const names = (yield* operations.names).flatMap((name) => parse(name) ?? [])
    if (names.length === 0) return []
    const plugin = yield* digest(pluginId)
    const alive = yield* Effect.filter(
      names.filter((name) => name.plugin === plugin),
      ({ owner }) => liveness.isAlive(staging, owner)
    )
    const digests = new Set(alive.map(({ version }) => version))
    return yield* Effect.filter(versions, (version) =>
      Effect.map(digest(version), (hash) => digests.has(hash))
    )
  })

  return { take, leased }
}

/**
 * The leased version that blocks the activation of another version; undefined if there is none. It
 * blocks a repair, a downgrade and a change of owner, but not an upgrade.
 */
export const conflict = (
  leased: ReadonlyArray<PluginVersion.PluginVersion>,
  next: { readonly version: PluginVersion.PluginVersion; readonly changesOwner: boolean }
): PluginVersion.PluginVersion | undefined =>
  leased.find(
    (version) =>
      next.changesOwner || version === next.version || PluginVersion.outranks(version, next.version)
  )
