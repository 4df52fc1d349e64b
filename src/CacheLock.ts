/**
 * The lock that lets one writer at a time change the cache of a home.
 *
 * Processes of this library hold it only while they make a change, never during a download. Codex
 * takes no lock, so the safety of the cache never depends on this one.
 */
import {
  Context,
  DateTime,
  Duration,
  Effect,
  type Fiber,
  type FileSystem,
  Layer,
  Option,
  Path,
  PlatformError,
  Schema,
  type Scope
} from "effect"
import * as CodexHome from "./CodexHome.ts"
import * as Disk from "./internal/disk/Disk.ts"
import * as KernelLock from "./internal/lock/kernelLock.ts"
import * as Liveness from "./internal/lock/liveness.ts"
import * as ProcessLock from "./internal/lock/processLock.ts"
import * as Queues from "./internal/lock/queues.ts"
import * as OptionCheck from "./internal/optionCheck.ts"
import { lockHolderName } from "./internal/cache/staging.ts"
import * as Message from "./internal/message.ts"
import * as PlatformErrors from "./internal/platformError.ts"

/**
 * The name of the lock file below `<home>/plugins/`. The file is never deleted, because deleting a
 * lock file is a race.
 *
 * @category constants
 * @since 0.1.0
 */
export const fileName = ".codex-plugins.lock"

/**
 * The time for which a caller waits for another process, unless {@link layerWith} sets another
 * limit.
 *
 * @category constants
 * @since 0.1.0
 */
export const defaultWaitLimit = Duration.minutes(2)

/**
 * The interval at which a waiting caller tries again. The first intervals are shorter.
 *
 * @category constants
 * @since 0.1.0
 */
export const pollInterval = Duration.millis(20)

/** The maximum size of a holder's note, in bytes. The notes of this library have about 60. */
const noteLimit = 4096

/**
 * Options of the lock.
 *
 * @category options
 * @since 0.2.0
 */
export interface Options {
  /**
   * The time for which a caller waits for another process before it fails with `TimedOut`. Zero
   * means one attempt. Callers of the same process wait for each other without a limit. Default: 2
   * minutes.
   */
  readonly waitLimit?: Duration.Input | undefined
}

/**
 * The process that holds the lock, according to its note.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Holder = Schema.Struct({ pid: Schema.Int, since: Schema.DateTimeUtcFromString })
/**
 * The process that holds the lock, according to its note.
 *
 * @category models
 * @since 0.1.0
 */
export interface Holder extends Schema.Schema.Type<typeof Holder> {}

/** The error of the file system, or one of SQLite or of the runtime. */
const Cause = Schema.Union([
  Schema.instanceOf(PlatformError.PlatformError),
  Schema.instanceOf(Error)
])

/**
 * The lock could not be taken, so nothing was changed.
 *
 * @category errors
 * @since 0.1.0
 */
export class CacheLockError extends Schema.TaggedError<CacheLockError>()("CacheLockError", {
  path: Schema.String,
  reason: Schema.TaggedUnion({
    /** Another process still held the lock after the wait limit. */
    TimedOut: { waited: Schema.Duration, holder: Schema.NullOr(Holder) },
    /** The folder is read-only, or its file system does not support locks. */
    Unavailable: { cause: Cause },
    /** The lock file is not an SQLite database. */
    Corrupt: { cause: Cause }
  })
}) {
  override get message(): string {
    return Message.format(this.explanation)
  }

  /** The parts of the message. */
  get explanation(): Message.Explanation {
    switch (this.reason._tag) {
      case "TimedOut":
        return Message.because(
          null,
          `gave up after ${Duration.format(this.reason.waited)} on the lock ${this.path}, held by ${describe(this.reason.holder)}`,
          this.reason.holder === null
            ? "try again later, or check that the file system supports locks"
            : "try again when it is done"
        )
      case "Unavailable":
        return Message.because(
          null,
          `cannot lock ${this.path} (${PlatformErrors.messageOf(this.reason.cause)}), so nothing is written`,
          "make the folder writable, on a file system that supports locks"
        )
      case "Corrupt":
        return Message.because(
          null,
          `cannot lock ${this.path}, because the file is not a lock file`,
          "delete it while no other codex-plugins process runs, then try again"
        )
    }
  }
}

const describe = (holder: Holder | null): string =>
  holder === null
    ? "another process"
    : `process ${holder.pid} since ${DateTime.formatIso(holder.since)}`

/** The parts of the lock that the other services need. */
interface Internals {
  /**
   * As `hold`, for a change that is over quickly. It waits for at least five seconds, because the
   * other processes' changes are over quickly, too.
   */
  readonly commit: <A, E, R>(
    effect: Effect.Effect<A, E, R>
  ) => Effect.Effect<A, E | CacheLockError, R>
  /**
   * As `commit`, for a few disk operations for which other callers of this process wait. They are
   * not interrupted, and the event loop runs nothing else in between.
   */
  readonly instantly: <A, E, R>(
    effect: Effect.Effect<A, E, R>
  ) => Effect.Effect<A, E | CacheLockError, R>
  /** True if a fiber that is running holds the lock. */
  readonly isHeldBy: (fiber: Fiber.Fiber<unknown, unknown>) => boolean
  /** Makes the holds of this process cheap until the scope closes. */
  readonly session: Effect.Effect<void, CacheLockError, Scope.Scope>
  /** The time for which a caller waits for another process. */
  readonly waitLimit: Duration.Duration
  /** The queues of this process, by a name that belongs to the cache. */
  readonly queues: Queues.Queues
  /** Finds out which of the processes that share this lock still run. */
  readonly liveness: Liveness.Liveness
}

/**
 * One writer at a time for one home, among the processes that use this library.
 *
 * All locks of one home in one process are one lock, whichever layer made them.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { CacheLock, PluginStore } from "effect-codex-plugins"
 *
 * // No other process changes the cache between the two steps.
 * const program = Effect.gen(function* () {
 *   const lock = yield* CacheLock.CacheLock
 *   const store = yield* PluginStore.PluginStore
 *   yield* lock.hold(
 *     Effect.gen(function* () {
 *       const plugins = yield* store.list
 *       yield* Effect.forEach(plugins, ({ pluginId }) => store.clearIdentity(pluginId))
 *     })
 *   )
 * })
 * ```
 *
 * @category services
 * @since 0.1.0
 */
export class CacheLock extends Context.Service<
  CacheLock,
  {
    /**
     * Runs an effect while no other caller may change the cache. A caller that already holds the
     * lock does not wait, nor does a fiber that it forked. The lock is released when the last of
     * them is done. Resources that the effect acquires belong to the caller's scope.
     */
    readonly hold: <A, E, R>(
      effect: Effect.Effect<A, E, R>
    ) => Effect.Effect<A, E | CacheLockError, R>
    /** True if the calling fiber holds the lock. */
    readonly isHeld: Effect.Effect<boolean>
    /**
     * The parts of the lock that the other services need.
     *
     * @internal
     */
    readonly internals: Internals
  }
>()("effect-codex-plugins/CacheLock") {}

/** SQLite's SQLITE_CORRUPT and SQLITE_NOTADB. */
const corrupt = new Set<number | undefined>([11, 26])

/**
 * Makes the lock of the home on disk. The operating system releases it as soon as its process ends.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function* (options: Options = {}) {
  const disk = yield* Disk.make
  const path = yield* Path.Path
  const home = yield* CodexHome.CodexHome
  const waitLimit = yield* OptionCheck.duration(
    "CacheLock.waitLimit",
    options.waitLimit ?? defaultWaitLimit
  )
  const lockPath = path.join(path.dirname(home.staging), fileName)
  const notePath = path.join(home.staging, lockHolderName)

  const unavailable = (cause: unknown) =>
    new CacheLockError({
      path: lockPath,
      reason: {
        _tag: corrupt.has(KernelLock.errcodeOf(cause)) ? "Corrupt" : "Unavailable",
        cause: cause instanceof Error ? cause : new Error(String(cause))
      }
    })

  const writeNote = Effect.gen(function* () {
    const since = yield* DateTime.now
    const text = encodeHolder({ pid: globalThis.process.pid, since })
    // It means nothing after a power loss, so it is not synced.
    const file = yield* disk.openNew(notePath, 0o644)
    yield* file.write(encoder.encode(text))
  }).pipe(Effect.scoped)
  const note = Effect.acquireRelease(Effect.ignore(writeNote), () =>
    Effect.ignore(disk.remove(notePath))
  )

  // Decodes the note that the holder left. A note that cannot be read names no holder.
  const holder = Effect.map(Effect.option(disk.readFile(notePath, noteLimit)), (bytes) =>
    Option.getOrNull(Option.flatMap(bytes, (bytes) => decodeHolder(decoder.decode(bytes))))
  )

  const announce = Effect.flatMap(holder, (holder) =>
    Effect.andThen(
      Effect.annotateCurrentSpan({ holder: holder?.pid ?? null }),
      Effect.logInfo(`waiting for ${describe(holder)} to release ${lockPath}`)
    )
  )

  const open = Effect.gen(function* () {
    yield* disk.makeDirectory(home.staging, { recursive: true, mode: 0o755 })
    const found = yield* disk.lstat(lockPath)
    // SQLite would follow a link and would wait for the writer of a pipe.
    if (found !== undefined && found.type !== "File") {
      return yield* Effect.fail(new Error(`the lock file is a ${found.type}`))
    }
    const { tryLock, unlock } = yield* KernelLock.open(lockPath)
    let isWritable = false
    const check = Effect.gen(function* () {
      // SQLite opens a file that it cannot write for reading, and then it grants the lock to all.
      yield* disk.ensureWritable(lockPath)
      isWritable = true
      // The note may be of a dead holder, or a link or a pipe with that name.
      if ((yield* disk.lstat(notePath)) !== undefined) yield* disk.remove(notePath)
      return true
    }).pipe(
      Effect.onError(() => Effect.sync(unlock)),
      Effect.mapError(unavailable)
    )
    const tryAcquire = Effect.suspend(() => {
      try {
        if (!tryLock()) return Effect.succeed(false)
      } catch (cause) {
        return Effect.fail(unavailable(cause))
      }
      return isWritable ? Effect.succeed(true) : check
    })
    return { tryLock: tryAcquire, unlock }
  })

  const key = yield* Disk.resolve(disk, path, lockPath)
  const lock = ProcessLock.make<CacheLockError>({
    path: lockPath,
    open: Effect.mapError(open, unavailable),
    note,
    announce,
    timedOut: (waited) =>
      Effect.flatMap(holder, (holder) =>
        Effect.fail(
          new CacheLockError({ path: lockPath, reason: { _tag: "TimedOut", waited, holder } })
        )
      ),
    waitLimit,
    pollInterval,
    queue: yield* Queues.scoped(Queues.ofProcess, key),
    isShared: true
  })
  return serviceOf(lock, {
    waitLimit,
    queues: {
      enter: (name) => Queues.ofProcess.enter(`${key}/${name}`),
      leave: (name) => Queues.ofProcess.leave(`${key}/${name}`)
    },
    liveness: yield* Liveness.kernel(disk, path)
  })
})

const serviceOf = (
  lock: ProcessLock.ProcessLock<CacheLockError>,
  others: Pick<Internals, "waitLimit" | "queues" | "liveness">
): CacheLock["Service"] =>
  CacheLock.of({
    hold: (effect) => lock.hold(effect, "long"),
    isHeld: lock.isHeld,
    internals: {
      commit: (effect) => lock.hold(effect, "brief"),
      instantly: (effect) => lock.hold(effect, "instant"),
      isHeldBy: lock.isHeldBy,
      session: lock.session,
      ...others
    }
  })

const HolderJson = Schema.fromJsonString(Holder)
const encodeHolder = Schema.encodeSync(HolderJson)
const encoder = new TextEncoder()
const decoder = new TextDecoder()
const decodeHolder = Schema.decodeUnknownOption(HolderJson)

/**
 * Provides the lock that processes share, on the home's own disk, with options. Needs a runtime
 * that has `node:sqlite`. A negative or malformed option is a defect.
 *
 * @category layers
 * @since 0.2.0
 */
export const layerWith = (
  options: Options
): Layer.Layer<CacheLock, never, CodexHome.CodexHome | FileSystem.FileSystem | Path.Path> =>
  Layer.effect(CacheLock, make(options))

/**
 * Provides the lock that processes share, with the default options.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<
  CacheLock,
  never,
  CodexHome.CodexHome | FileSystem.FileSystem | Path.Path
> = layerWith({})

/**
 * The service of {@link layerInProcess}.
 *
 * @internal
 */
export const makeInProcess: Effect.Effect<CacheLock["Service"], never, Scope.Scope> = Effect.gen(
  function* () {
    const all = Queues.make()
    const lock = ProcessLock.make<CacheLockError>({
      path: "(in process)",
      open: Effect.succeed({ tryLock: Effect.succeed(true), unlock: () => true }),
      note: Effect.void,
      announce: Effect.void,
      timedOut: () => Effect.die(new Error("nobody else holds a lock in the process")),
      waitLimit: defaultWaitLimit,
      pollInterval,
      queue: yield* Queues.scoped(all, "the lock"),
      isShared: false
    })
    return serviceOf(lock, {
      waitLimit: defaultWaitLimit,
      queues: {
        enter: (name) => all.enter(`plugin ${name}`),
        leave: (name) => all.leave(`plugin ${name}`)
      },
      liveness: yield* Liveness.memory
    })
  }
)

/**
 * Provides a lock within this process only, for file systems that no other process uses. Each build of the
 * layer is a separate lock.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerInProcess: Layer.Layer<CacheLock> = Layer.effect(CacheLock, makeInProcess)
