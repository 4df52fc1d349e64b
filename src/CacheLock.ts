/**
 * One writer at a time for one home, among the processes that use this library.
 *
 * Codex takes no lock, so nothing relies on this one for safety: it keeps our own processes from
 * doing each other's work twice.
 */
import {
  Clock,
  Context,
  DateTime,
  Duration,
  Effect,
  Exit,
  FileSystem,
  Layer,
  Option,
  Path,
  Ref,
  Schema,
  Scope,
  Semaphore
} from "effect"
import * as CodexHome from "./CodexHome.ts"
import { lockHolderName } from "./internal/cache/staging.ts"

/** The lock's file below `<home>/plugins/`. It stays: to delete a lock's file is a race. */
export const fileName = ".codex-plugins.lock"

/** How long a caller waits for another process before it gives up, unless {@link WaitLimit} says otherwise. */
export const defaultWaitLimit = Duration.minutes(2)

/** How often a waiting caller tries again. */
export const pollInterval = Duration.millis(50)

/** The longest a caller waits for the lock. */
export const WaitLimit = Context.Reference<Duration.Duration>(
  "effect-codex-plugins/CacheLock/WaitLimit",
  { defaultValue: () => defaultWaitLimit }
)

/** Who holds the lock, as far as the holder has told. */
export const Holder = Schema.Struct({ pid: Schema.Int, since: Schema.DateTimeUtcFromString })
export interface Holder extends Schema.Schema.Type<typeof Holder> {}

/** The lock could not be had, so nothing was changed. */
export class CacheLockError extends Schema.TaggedError<CacheLockError>()("CacheLockError", {
  path: Schema.String,
  reason: Schema.TaggedUnion({
    /** Another process still holds it after the wait limit. */
    TimedOut: { waited: Schema.Duration, holder: Schema.NullOr(Holder) },
    /** There is no such thing as a lock here: a read-only folder, a file system without locks. */
    Unavailable: { cause: Schema.Defect() }
  })
}) {
  override get message(): string {
    switch (this.reason._tag) {
      case "TimedOut":
        return `gave up after ${Duration.format(this.reason.waited)} on the lock ${this.path}, held by ${describe(this.reason.holder)}; ${
          this.reason.holder === null
            ? "if there is no other one, its file system has no locks"
            : "try again when it is done"
        }`
      case "Unavailable":
        return `cannot lock ${this.path}, so nothing is written: the folder must be writable and its file system must support locks`
    }
  }
}

const describe = (holder: Holder | null): string =>
  holder === null
    ? "another process"
    : `process ${holder.pid} since ${DateTime.formatIso(holder.since)}`

export class CacheLock extends Context.Service<
  CacheLock,
  {
    /**
     * Runs an effect while this caller alone may change the cache. A caller that holds the lock
     * already, or that a holder has forked, goes straight on.
     */
    readonly hold: <A, E, R>(
      effect: Effect.Effect<A, E, R>
    ) => Effect.Effect<A, E | CacheLockError, R>
  }
>()("effect-codex-plugins/CacheLock") {}

/** The locks that the running fiber holds. */
const Held = Context.Reference<ReadonlySet<CacheLock["Service"]>>(
  "effect-codex-plugins/CacheLock/Held",
  { defaultValue: () => new Set() }
)

/** A lock among processes: taken until the scope closes, or `false` at once where another has it. */
interface ProcessLock {
  readonly path: string
  readonly tryAcquire: Effect.Effect<boolean, CacheLockError, Scope.Scope>
  readonly holder: Effect.Effect<Holder | null>
}

const fromProcessLock = Effect.fnUntraced(function* (lock: ProcessLock) {
  const turn = yield* Semaphore.make(1)

  const acquire = Effect.gen(function* () {
    const limit = yield* WaitLimit
    const startedAt = yield* Clock.currentTimeMillis
    const announced = yield* Ref.make(false)
    const giveUp = Effect.gen(function* () {
      const waited = Duration.millis((yield* Clock.currentTimeMillis) - startedAt)
      const holder = yield* lock.holder
      return yield* new CacheLockError({
        path: lock.path,
        reason: { _tag: "TimedOut", waited, holder }
      })
    })
    const announce = Effect.gen(function* () {
      if (yield* Ref.getAndSet(announced, true)) return
      yield* Effect.logInfo(`waiting for ${describe(yield* lock.holder)} to release ${lock.path}`)
    })
    const poll = Effect.gen(function* () {
      const scope = yield* Effect.scope
      while (true) {
        const attempt = yield* Scope.fork(scope)
        if (yield* Scope.provide(lock.tryAcquire, attempt)) return
        yield* Scope.close(attempt, Exit.void)
        yield* announce
        yield* Effect.sleep(pollInterval)
      }
    })
    yield* Effect.acquireRelease(turn.take(1), () => turn.release(1), {
      interruptible: true
    }).pipe(Effect.andThen(poll), Effect.timeoutOrElse({ duration: limit, orElse: () => giveUp }))
  })

  const self: CacheLock["Service"] = CacheLock.of({
    hold: Effect.fnUntraced(function* (effect) {
      const held = yield* Held
      if (held.has(self)) return yield* effect
      yield* acquire
      return yield* Effect.provideService(effect, Held, new Set([...held, self]))
    }, Effect.scoped)
  })
  return self
})

/** The lock of the home on disk. The operating system frees it the moment its process ends. */
export const make = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const home = yield* CodexHome.CodexHome
  const lockPath = path.join(path.dirname(home.cache), fileName)
  const notePath = path.join(home.staging, lockHolderName)

  const unavailable = (cause: unknown) =>
    new CacheLockError({ path: lockPath, reason: { _tag: "Unavailable", cause } })

  const openDatabase = Effect.acquireRelease(
    Effect.tryPromise({
      try: async () => {
        // oxlint-disable-next-line no-restricted-imports -- no platform service locks across processes
        const { DatabaseSync } = await import("node:sqlite")
        return new DatabaseSync(lockPath, { timeout: 0 })
      },
      catch: unavailable
    }),
    (database) => Effect.sync(() => database.close())
  )

  const note = Effect.acquireRelease(
    Effect.gen(function* () {
      const since = yield* DateTime.now
      yield* fs.writeFileString(notePath, encodeHolder({ pid: globalThis.process.pid, since }))
    }).pipe(Effect.ignore),
    () => Effect.ignore(fs.remove(notePath, { force: true }))
  )

  return yield* fromProcessLock({
    path: lockPath,
    tryAcquire: Effect.gen(function* () {
      yield* Effect.mapError(fs.makeDirectory(home.staging, { recursive: true }), unavailable)
      const database = yield* openDatabase
      const acquired = yield* Effect.try({
        try: () => {
          database.exec("BEGIN EXCLUSIVE")
          return true
        },
        catch: (cause) => cause
      }).pipe(
        Effect.catch((cause) =>
          isBusy(cause) ? Effect.succeed(false) : Effect.fail(unavailable(cause))
        )
      )
      if (!acquired) return false
      // What SQLite cannot write it opens for reading, and then it grants an exclusive lock to all.
      yield* Effect.mapError(fs.access(lockPath, { writable: true }), unavailable)
      yield* note
      return true
    }),
    holder: fs.readFileString(notePath).pipe(
      Effect.map((text) => Option.getOrNull(decodeHolder(text))),
      Effect.orElseSucceed(() => null)
    )
  })
})

const HolderJson = Schema.fromJsonString(Holder)
const encodeHolder = Schema.encodeSync(HolderJson)
const decodeHolder = Schema.decodeUnknownOption(HolderJson)

/** SQLite's SQLITE_BUSY. */
const isBusy = (cause: unknown): boolean =>
  typeof cause === "object" && cause !== null && "errcode" in cause && cause.errcode === 5

/** The lock that processes share, on the home's own disk. Needs a runtime that has `node:sqlite`. */
export const layer: Layer.Layer<
  CacheLock,
  never,
  CodexHome.CodexHome | FileSystem.FileSystem | Path.Path
> = Layer.effect(CacheLock, make)

/** A lock within this process alone: for file systems that no other process sees. */
export const layerInProcess: Layer.Layer<CacheLock> = Layer.effect(
  CacheLock,
  fromProcessLock({
    path: "(in process)",
    tryAcquire: Effect.succeed(true),
    holder: Effect.succeed(null)
  })
)
