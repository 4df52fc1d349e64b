/**
 * Claims: plugins that a process is installing, so that no other one downloads them, too.
 *
 * A claim is an empty folder in staging. Its name tells the owner and the plugin. It counts as long
 * as its owner runs. The lock is held for the moment in which a claim is made, not while it lasts.
 * A caller that holds the lock never waits for a claim, because its owner may wait for the lock.
 */
import { Clock, Context, Duration, Effect, type PlatformError, Scope } from "effect"
import type * as CacheLock from "../../CacheLock.ts"
import type { PluginId } from "../../PluginId.ts"
import { type Owner, pidOf } from "./liveness.ts"
import { claimPrefix } from "./staging.ts"
import { explain, fail, type Reason } from "./storeError.ts"

/** A waiter looks again after this time, in milliseconds, which doubles up to {@link longestPoll}. */
const firstPoll = 10
const longestPoll = 160

/** How often an owner shows that it is not frozen. */
const beatInterval = Duration.seconds(5)

/** How long an owner may show no sign of life at the least before a waiter gives up. */
const leastPatience = Duration.seconds(20)

/** The steps on the disk that claims need. */
export interface Operations {
  readonly staging: string
  /** Registers this process as an owner until the scope closes, and sees to the staging folder. */
  readonly owner: Effect.Effect<Owner, PlatformError.PlatformError | Reason, Scope.Scope>
  /** The names in staging; none if there is no such folder. */
  readonly names: Effect.Effect<ReadonlyArray<string>, PlatformError.PlatformError>
  /** Makes an empty folder in staging, which must not exist. */
  readonly create: (name: string) => Effect.Effect<void, PlatformError.PlatformError>
  readonly remove: (name: string) => Effect.Effect<void>
  /** The time of an entry's last change, in milliseconds; undefined without the entry. */
  readonly changedAt: (
    name: string
  ) => Effect.Effect<number | undefined, PlatformError.PlatformError>
  /** Changes the time of an entry. */
  readonly touch: (name: string) => Effect.Effect<void>
}

export interface Options<E> {
  /** False fails with `Claimed` instead of waiting. Default: true. */
  readonly wait?: boolean | undefined
  /** Runs once when it is clear that the caller must wait. */
  readonly onWait?: Effect.Effect<void> | undefined
  /** Fails if the caller does not need the plugin any more. It runs after a wait and at the end. */
  readonly check: Effect.Effect<void, E | PlatformError.PlatformError | Reason>
  /** The operation that errors name. Default: `install`. */
  readonly operation?: string | undefined
}

interface Claim {
  readonly owner: Owner
  readonly plugin: string
}

/** A file name has room for so many bytes of a plugin's name beside the rest of a claim's name. */
const maxNameBytes = 160

/** The plugin's part of a claim's name. Plugins whose long names begin alike wait for each other. */
const shortName = (pluginId: PluginId): string => {
  const bytes = new TextEncoder().encode(pluginId)
  return bytes.length <= maxNameBytes
    ? pluginId
    : new TextDecoder().decode(bytes.subarray(0, maxNameBytes)).replace(/\ufffd$/, "")
}

const parse = (name: string): Claim | undefined => {
  if (!name.startsWith(claimPrefix)) return undefined
  const [owner = "", , ...plugin] = name.slice(claimPrefix.length).split("-")
  return { owner, plugin: plugin.join("-") }
}

/** The plugins that the running fiber or its ancestors have claimed, and whether they still do. */
const Claimed = Context.Reference<ReadonlyMap<string, { isOver: boolean }>>(
  "effect-codex-plugins/PluginStore/Claimed",
  { defaultValue: () => new Map() }
)

/** Finds, makes and outwaits the claims of one staging folder. */
const makeClaims = (operations: Operations, lock: CacheLock.CacheLock["Service"]) => {
  const { staging } = operations

  /** A claim on a plugin whose owner still runs; undefined if there is none. */
  const findClaim = Effect.fnUntraced(function* (plugin: string) {
    for (const name of yield* operations.names) {
      const claim = parse(name)
      if (claim?.plugin !== plugin) continue
      if (yield* lock.internals.liveness.isAlive(staging, claim.owner)) return name
    }
    return undefined
  })

  /** Claims a plugin until the scope closes. Gives the claim that is in the way, if there is one. */
  const tryClaim = (plugin: string, scope: Scope.Scope) =>
    Effect.gen(function* () {
      const rival = yield* findClaim(plugin)
      if (rival !== undefined) return rival
      const owner = yield* operations.owner
      const id = globalThis.crypto.randomUUID().slice(0, 8)
      const name = `${claimPrefix}${[owner, id, plugin].join("-")}`
      yield* Effect.acquireRelease(operations.create(name), () => operations.remove(name))
      yield* operations
        .touch(name)
        .pipe(Effect.delay(beatInterval), Effect.forever, Effect.forkScoped)
      return undefined
    }).pipe(lock.internals.commit, Scope.provide(scope))

  /** Waits until a claim is over. Gives up if its owner runs but does nothing, as a frozen one. */
  const outwait = Effect.fnUntraced(function* (name: string) {
    const { owner } = parse(name) ?? { owner: "" }
    const patience = Duration.max(lock.internals.waitLimit, leastPatience)
    let changedAt = yield* operations.changedAt(name)
    let seenAt = yield* Clock.currentTimeMillis
    for (let wait = firstPoll; ; wait = Math.min(wait * 2, longestPoll)) {
      yield* Effect.sleep(wait)
      const now = yield* Clock.currentTimeMillis
      const changed = yield* operations.changedAt(name)
      if (changed === undefined) return
      // To examine an owner costs more than to look for its claim.
      if (wait === longestPoll && !(yield* lock.internals.liveness.isAlive(staging, owner))) return
      if (changed !== changedAt) {
        changedAt = changed
        seenAt = now
      } else if (now - seenAt > Duration.toMillis(patience)) {
        yield* fail({ _tag: "Claimed", pid: pidOf(owner), silentFor: patience })
      }
    }
  })

  return { findClaim, tryClaim, outwait }
}

export const make = (operations: Operations, lock: CacheLock.CacheLock["Service"]) => {
  const { staging } = operations
  const { findClaim, outwait, tryClaim } = makeClaims(operations, lock)

  const isClaimed = (pluginId: PluginId) =>
    Effect.map(findClaim(shortName(pluginId)), (claim) => claim !== undefined)

  const claim = Effect.fnUntraced(function* <E>(
    pluginId: PluginId,
    scope: Scope.Scope,
    { check, onWait = Effect.void, wait = true }: Options<E>
  ) {
    let isWaiting = false
    const waitFor = Effect.fnUntraced(function* <E, R>(
      pid: number,
      over: Effect.Effect<void, E, R>
    ) {
      if (!wait) yield* fail({ _tag: "Claimed", pid, silentFor: null })
      if (!isWaiting) {
        yield* Effect.logInfo(`waiting for process ${pid} to install ${pluginId}`)
        yield* onWait
      }
      isWaiting = true
      yield* over
      yield* check
    })
    // Callers of this process wait for each other first, in order and without polling.
    const { semaphore } = yield* Scope.provide(lock.internals.queue(pluginId), scope)
    const isFirst = yield* Effect.uninterruptible(
      Effect.tap(semaphore.takeIfAvailable(1), (taken) =>
        taken ? Scope.addFinalizer(scope, semaphore.release(1)) : Effect.void
      )
    )
    if (!isFirst) {
      yield* waitFor(globalThis.process.pid, Scope.provide(semaphore.takeScoped(1), scope))
    }
    const plugin = shortName(pluginId)
    for (;;) {
      const rival = yield* tryClaim(plugin, scope)
      if (rival === undefined) return yield* check
      yield* waitFor(pidOf(parse(rival)?.owner ?? ""), outwait(rival))
    }
  })

  /**
   * Runs an effect while no other caller claims the plugin. A caller that has claimed it already
   * goes straight on, and so does one that holds the lock.
   */
  const hold = Effect.fnUntraced(function* <A, E, R, E2 extends { readonly _tag: string }>(
    pluginId: PluginId,
    effect: Effect.Effect<A, E, R>,
    options: Options<E2>
  ) {
    const key = `${staging}/${pluginId}`
    const claimed = yield* Claimed
    const inherited = claimed.get(key)
    const explained = explain(options.operation ?? "install", pluginId)
    if (inherited?.isOver === false || (yield* lock.isHeld)) {
      yield* explained(options.check)
      return yield* effect
    }
    const mine = { isOver: false }
    return yield* Effect.scopedWith((scope) =>
      explained(claim(pluginId, scope, options)).pipe(
        Effect.andThen(Effect.provideService(effect, Claimed, new Map(claimed).set(key, mine))),
        Effect.ensuring(
          Effect.sync(() => {
            mine.isOver = true
          })
        )
      )
    )
  })

  return { hold, isClaimed }
}
