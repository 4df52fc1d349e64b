/**
 * Claims: a process claims a plugin while it installs it, so that no other one downloads it, too.
 *
 * A claim is an empty folder in staging. Its name contains the owner and the plugin. It is valid as
 * long as its owner runs. The lock is held only while a claim is made. A caller that holds the lock
 * never waits for a claim, because the claim's owner may wait for the lock.
 */
import { Clock, Context, Duration, Effect, Option, type PlatformError, type Scope } from "effect"
import type * as CacheLock from "../../CacheLock.ts"
import type { PluginId } from "../../PluginId.ts"
import * as RefCounted from "../lock/refCounted.ts"
import { type Owner, pidOf } from "../lock/liveness.ts"
import { hexDigits } from "./randomName.ts"
import { claimPrefix } from "./staging.ts"
import { explain, explained, fail, type PluginStoreError, type Reason } from "./storeError.ts"

/**
 * The first interval at which a waiter looks again, in milliseconds. It doubles up to {@link
 * longestPoll}.
 */
const firstPoll = 10
const longestPoll = 160

/** The interval at which an owner shows that it is not frozen. */
const beatInterval = Duration.seconds(5)

/** The shortest time without a sign of life after which a waiter gives up. */
const minWaitLimit = Duration.seconds(20)

/** The steps on the disk that claims need. */
interface Operations {
  readonly staging: string
  /** Registers this process as an owner until the scope closes, and creates the staging folder. */
  readonly owner: Effect.Effect<Owner, PlatformError.PlatformError | Reason, Scope.Scope>
  /** The names in staging; none if there is no such folder. */
  readonly names: Effect.Effect<ReadonlyArray<string>, PlatformError.PlatformError>
  /** Makes an empty folder in staging, which must not exist. */
  readonly create: (name: string) => Effect.Effect<void, PlatformError.PlatformError>
  readonly remove: (name: string) => Effect.Effect<void>
  /** The time of an entry's last change, in milliseconds; undefined if there is no entry. */
  readonly changedAt: (
    name: string
  ) => Effect.Effect<number | undefined, PlatformError.PlatformError>
  /** Sets the time of an entry's last change to now. */
  readonly touch: (name: string) => Effect.Effect<void>
}

export interface Options<E> {
  /** False fails with `Claimed` instead of waiting. Default: true. */
  readonly wait?: boolean | undefined
  /** Runs once if the caller has to wait. */
  readonly onWait?: Effect.Effect<void> | undefined
  /** Fails if the caller no longer needs the plugin. It runs after a wait and at the end. */
  readonly check: Effect.Effect<void, E | PlatformError.PlatformError | Reason>
  /**
   * The value that the check compares with. A claim that was made with the same value is not
   * checked again.
   */
  readonly expected: unknown
  /** The operation, for errors. Default: `install`. */
  readonly operation?: string | undefined
}

interface ClaimName {
  readonly owner: Owner
  readonly plugin: string
}

/** The maximum bytes of a plugin's name in the name of a claim, which must fit in a file name. */
const maxNameBytes = 160

/**
 * The plugin's part of a claim's name. Plugins with long names that begin alike wait for each
 * other.
 */
const shortName = (pluginId: PluginId): string => {
  const bytes = new TextEncoder().encode(pluginId)
  return bytes.length <= maxNameBytes
    ? pluginId
    : new TextDecoder().decode(bytes.subarray(0, maxNameBytes)).replace(/\ufffd$/, "")
}

const parse = (name: string): ClaimName | undefined => {
  if (!name.startsWith(claimPrefix)) return undefined
  const [owner = "", , ...plugin] = name.slice(claimPrefix.length).split("-")
  return { owner, plugin: plugin.join("-") }
}

/** A claim of a caller of this process. */
interface Claim {
  readonly expected: unknown
  isOver: boolean
  /** Removes the claim. */
  remove: () => Effect.Effect<void>
}

/** The plugins that the running fiber or its ancestors have claimed. */
const Claimed = Context.Reference<ReadonlyMap<string, Claim>>(
  "effect-codex-plugins/PluginStore/Claimed",
  { defaultValue: () => new Map() }
)

/** Finds, makes and waits for the claims in one staging folder. */
const makeClaims = (operations: Operations, lock: CacheLock.CacheLock["Service"]) => {
  const { staging } = operations

  /** A claim on a plugin whose owner still runs; undefined if there is none. */
  const findClaim = Effect.fnUntraced(function* (plugin: string) {
    for (const name of yield* operations.names) {
      const claim = name.endsWith(plugin) ? parse(name) : undefined
      if (claim?.plugin !== plugin) continue
      if (yield* lock.internals.liveness.isAlive(staging, claim.owner)) return name
    }
    return undefined
  })

  /** The names of this process's claims. */
  const names = new Set<string>()

  const beat = Effect.suspend(() =>
    Effect.forEach(Array.from(names), operations.touch, { discard: true })
  )

  /** This process as the owner of claims. It shows for all of them that it is not frozen. */
  const owners = RefCounted.make(
    Effect.tap(operations.owner, () =>
      beat.pipe(Effect.delay(beatInterval), Effect.forever, Effect.forkScoped)
    )
  )

  /** Makes a claim of an uninterruptible caller. */
  const makeClaim = (plugin: string, claim: Claim) =>
    Effect.gen(function* () {
      const owner = owners.join() ?? (yield* owners.enter)
      const id = hexDigits(8)
      const name = `${claimPrefix}${[owner.value, id, plugin].join("-")}`
      yield* Effect.onError(operations.create(name), () => owners.leave(owner))
      names.add(name)
      claim.remove = () => {
        names.delete(name)
        return Effect.andThen(operations.remove(name), owners.leave(owner))
      }
      return undefined
    })

  /** Claims a plugin. Returns the claim of another owner, if there is one. */
  const tryClaim = (plugin: string, claim: Claim) =>
    lock.internals.instantly(
      Effect.flatMap(findClaim(plugin), (rival) =>
        rival === undefined ? makeClaim(plugin, claim) : Effect.succeed(rival)
      )
    )

  /**
   * Waits until a claim ends. Gives up if its owner runs but does nothing, as a frozen process
   * does.
   */
  const waitForEnd = Effect.fnUntraced(function* (name: string) {
    const { owner } = parse(name) ?? { owner: "" }
    const waitLimit = Duration.max(lock.internals.waitLimit, minWaitLimit)
    let changedAt = yield* operations.changedAt(name)
    let seenAt = yield* Clock.currentTimeMillis
    for (let wait = firstPoll; ; wait = Math.min(wait * 2, longestPoll)) {
      yield* Effect.sleep(wait)
      const now = yield* Clock.currentTimeMillis
      const changed = yield* operations.changedAt(name)
      if (changed === undefined) return
      // Examining an owner costs more than looking for its claim.
      if (wait === longestPoll && !(yield* lock.internals.liveness.isAlive(staging, owner))) return
      if (changed !== changedAt) {
        changedAt = changed
        seenAt = now
      } else if (now - seenAt > Duration.toMillis(waitLimit)) {
        yield* fail({ _tag: "Claimed", pid: pidOf(owner), silentFor: waitLimit })
      }
    }
  })

  /** Claims each plugin that has no claim at all, not even a dead owner's, and adds the claims. */
  const claimFree = (pluginIds: ReadonlyArray<PluginId>, claims: Map<PluginId, Claim>) =>
    lock.internals.commit(
      Effect.gen(function* () {
        const claimed = new Set((yield* operations.names).map((name) => parse(name)?.plugin))
        for (const pluginId of pluginIds) {
          const plugin = shortName(pluginId)
          if (claimed.has(plugin)) continue
          claimed.add(plugin)
          const claim = newClaim(undefined)
          claims.set(pluginId, claim)
          yield* Effect.uninterruptible(makeClaim(plugin, claim))
        }
      })
    )

  return { findClaim, tryClaim, claimFree, waitForEnd }
}

/** A claim that has not been made yet. */
const newClaim = (expected: unknown): Claim => ({
  expected,
  isOver: false,
  remove: () => Effect.void
})

/** Ends a claim. */
const release = (claim: Claim) => {
  claim.isOver = true
  return claim.remove()
}

/** Ends claims. */
const releaseAll = (claims: Iterable<Claim>) =>
  Effect.forEach(Array.from(claims), release, { discard: true })

/**
 * Reports once that a caller has to wait for a process, or fails if the caller does not want to
 * wait.
 */
const makeWait = <E>(
  pluginId: PluginId,
  { onWait = Effect.void, wait = true }: Options<E>
): ((pid: number) => Effect.Effect<void, Reason>) => {
  let isWaiting = false
  return Effect.fnUntraced(function* (pid) {
    if (!wait) yield* fail({ _tag: "Claimed", pid, silentFor: null })
    if (isWaiting) return
    isWaiting = true
    yield* Effect.logInfo(`waiting for process ${pid} to install ${pluginId}`)
    yield* onWait
  })
}

/**
 * Claims the plugins that nobody else has claimed and runs an effect with them. A caller that holds
 * the lock needs no claims and gets all the plugins.
 */
const makeHoldFree =
  (
    staging: string,
    lock: CacheLock.CacheLock["Service"],
    claimFree: ReturnType<typeof makeClaims>["claimFree"]
  ) =>
  <P extends { readonly pluginId: PluginId }, A, E, R>(
    plugins: ReadonlyArray<P>,
    use: (free: ReadonlyArray<P>) => Effect.Effect<A, E, R>
  ): Effect.Effect<A, E | PluginStoreError | CacheLock.CacheLockError, R> =>
    Effect.flatMap(lock.isHeld, (isHeld) => {
      if (isHeld) return use(plugins)
      const claims = new Map<PluginId, Claim>()
      const run = Effect.updateService(
        Effect.suspend(() => use(plugins.filter(({ pluginId }) => claims.has(pluginId)))),
        Claimed,
        (others) =>
          new Map([
            ...others,
            ...Array.from(claims, ([pluginId, claim]) => [`${staging}/${pluginId}`, claim] as const)
          ])
      )
      return explain(
        "claim plugins",
        null
      )(
        claimFree(
          plugins.map(({ pluginId }) => pluginId),
          claims
        )
      ).pipe(
        Effect.andThen(run),
        Effect.ensuring(Effect.suspend(() => releaseAll(claims.values())))
      )
    })

export const make = (operations: Operations, lock: CacheLock.CacheLock["Service"]) => {
  const { staging } = operations
  const { claimFree, findClaim, waitForEnd, tryClaim } = makeClaims(operations, lock)
  const { queues } = lock.internals

  const isClaimed = (pluginId: PluginId) =>
    Effect.map(findClaim(shortName(pluginId)), (claim) => claim !== undefined)

  /**
   * Runs an effect when no other caller of this process runs one for the plugin. Callers take turns
   * in order and do not poll. `before` runs before a caller waits, and `after` when its wait is
   * over.
   */
  const inOrder = <A, E, R, E2, E3>(
    pluginId: PluginId,
    effect: Effect.Effect<A, E, R>,
    wait: { readonly before: Effect.Effect<void, E2>; readonly after: Effect.Effect<void, E3> }
  ) =>
    Effect.uninterruptibleMask((restore) => {
      const { semaphore } = queues.enter(pluginId)
      return Effect.ensuring(
        restore(
          Effect.flatMap(semaphore.withPermitsIfAvailable(1)(effect), (done) =>
            Option.isSome(done)
              ? Effect.succeed(done.value)
              : Effect.andThen(
                  wait.before,
                  semaphore.withPermit(Effect.andThen(wait.after, effect))
                )
          )
        ),
        Effect.sync(() => queues.leave(pluginId))
      )
    })

  /** Claims a plugin and waits for other processes that have claimed it. */
  const makeSure = Effect.fnUntraced(function* <E>(
    pluginId: PluginId,
    claim: Claim,
    { check }: Options<E>,
    wait: (pid: number) => Effect.Effect<void, Reason>
  ) {
    for (;;) {
      const rival = yield* tryClaim(shortName(pluginId), claim)
      if (rival === undefined) return yield* check
      const holder = pidOf(parse(rival)?.owner ?? "")
      yield* wait(holder)
      yield* Effect.withSpan(waitForEnd(rival), "PluginStore.wait", {
        attributes: { pluginId, holder }
      })
      yield* check
    }
  })

  /**
   * Runs an effect while no other caller claims the plugin. A caller that has already claimed it
   * does not wait, nor does one that holds the lock.
   */
  const hold = <A, E, R, E2 extends { readonly _tag: string }>(
    pluginId: PluginId,
    effect: Effect.Effect<A, E, R>,
    options: Options<E2>
  ) =>
    Effect.withFiber((fiber) => {
      const key = `${staging}/${pluginId}`
      const claimed = fiber.getRef(Claimed)
      const inContext = explained(options.operation ?? "install", pluginId)
      const check = inContext(options.check)
      const outer = claimed.get(key)
      const inherited = outer?.isOver === false ? outer : undefined
      if (inherited !== undefined || lock.internals.isHeldBy(fiber)) {
        const isChecked = inherited !== undefined && inherited.expected === options.expected
        return isChecked ? effect : Effect.andThen(check, effect)
      }
      const claim = newClaim(options.expected)
      const wait = makeWait(pluginId, options)
      const run = inContext(makeSure(pluginId, claim, options, wait)).pipe(
        Effect.andThen(Effect.provideService(effect, Claimed, new Map(claimed).set(key, claim))),
        Effect.onExit(() => release(claim))
      )
      return inOrder(pluginId, run, {
        before: inContext(wait(globalThis.process.pid)),
        after: check
      })
    })

  return { hold, holdFree: makeHoldFree(staging, lock, claimFree), isClaimed }
}
