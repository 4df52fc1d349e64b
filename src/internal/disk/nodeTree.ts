/**
 * Creates and syncs many entries on `node:fs`. An effect for each call would take longer than the
 * call, so one promise makes all of them, and awaits nothing while calls are fast and the disk is
 * in memory.
 */
import { Effect, PlatformError } from "effect"
import * as Fs from "node:fs"
import { concurrency, type Disk, needsNoSync, type NewEntry } from "./Disk.ts"
import {
  type Done,
  type Failure,
  failureOf,
  isFast,
  isInMemory,
  largeWrite,
  type Result,
  spent,
  toCreate
} from "./nodeCalls.ts"
import * as EventLoop from "./eventLoop.ts"

/** Makes a call and converts its error. */
const attempt = <A>(method: string, path: string, make: () => A): A => {
  try {
    return make()
  } catch (cause) {
    throw failureOf(method, path, cause as NodeJS.ErrnoException)
  }
}

/** Makes a call on a thread; returns a promise of its result. */
const callOnThread = <A = void>(method: string, path: string, make: (done: Done<A>) => void) =>
  new Promise<A>((resolve, reject) => {
    const done: Done<A> = (error, value) =>
      error === null ? resolve(value as A) : reject(failureOf(method, path, error))
    try {
      make(done)
    } catch (cause) {
      done(cause as NodeJS.ErrnoException)
    }
  })

/**
 * Makes several calls at once; returns a promise if the event loop should turn before the next
 * ones.
 */
const callSeveral = (calls: number, make: () => void): void | Promise<void> => {
  const before = EventLoop.beginWork()
  make()
  return spent(before, calls) ? EventLoop.nextTurn() : undefined
}

/** Makes a call at once as long as calls are fast, else on a thread. */
const callOnce = async <A>(
  method: string,
  path: string,
  now: () => A,
  later: (done: Done<A>) => void
): Promise<A> => {
  if (!isFast()) return callOnThread(method, path, later)
  const before = EventLoop.beginWork()
  const result = attempt(method, path, now)
  if (spent(before)) await EventLoop.nextTurn()
  return result
}

/**
 * Processes items concurrently and starts at once. The effect ends only when nothing runs any more;
 * it is an exit if everything is already done.
 */
const doAll = <A>(
  items: ReadonlyArray<A>,
  width: number,
  act: (item: A) => void | Promise<void>
): Result => {
  let next = 0
  let pending: void | Promise<void> = undefined
  try {
    while (next < items.length && pending === undefined) pending = act(items[next++]!)
  } catch (failure) {
    return Effect.fail(failure as Failure)
  }
  return pending === undefined ? Effect.void : doRest(items.slice(next), width, act, pending)
}

/** Processes items as {@link doAll} does, while the first one is pending. */
const doRest = <A>(
  items: ReadonlyArray<A>,
  width: number,
  act: (item: A) => void | Promise<void>,
  first: Promise<void>
): Result =>
  Effect.callback<void, Failure>((resume) => {
    let next = 0
    let failed: { readonly failure: Failure } | undefined
    const work = async (pending: void | Promise<void>) => {
      for (;;) {
        try {
          if (pending !== undefined) await pending
          if (next >= items.length || failed !== undefined) return
          pending = act(items[next++]!)
        } catch (failure) {
          failed ??= { failure: failure as Failure }
          return
        }
      }
    }
    const workers = Array.from({ length: width }, (_, nth) => work(nth === 0 ? first : undefined))
    const settled = Promise.all(workers).then(() =>
      resume(failed === undefined ? Effect.void : Effect.fail(failed.failure))
    )
    return Effect.promise(() => {
      next = items.length
      return settled
    })
  })

const createFolder = ({ exactMode = true, mode, path }: NewEntry): void | Promise<void> => {
  if (isFast()) {
    return callSeveral(2, () => {
      attempt("makeDirectory", path, () => Fs.mkdirSync(path, { mode }))
      if (exactMode) attempt("chmod", path, () => Fs.chmodSync(path, mode))
    })
  }
  const making = callOnThread("makeDirectory", path, (done) => Fs.mkdir(path, { mode }, done))
  return exactMode
    ? making.then(() => callOnThread("chmod", path, (done) => Fs.chmod(path, mode, done)))
    : making
}

type NewFile = Extract<NewEntry, { readonly _tag: "File" }>

/** The calls that one file takes. */
const callsOfFile = 5

const createFileInMemory = ({ contents, exactMode = true, mode, path }: NewFile): void => {
  const descriptor = attempt("open", path, () => Fs.openSync(path, toCreate, mode))
  try {
    for (let rest = contents; rest.length > 0;) {
      const part = rest
      rest = rest.subarray(attempt("writeAll", path, () => Fs.writeSync(descriptor, part)))
    }
    if (exactMode) attempt("chmod", path, () => Fs.fchmodSync(descriptor, mode))
    attempt("sync", path, () => Fs.fsyncSync(descriptor))
  } finally {
    Fs.closeSync(descriptor)
  }
}

const close = (path: string, descriptor: number) =>
  callOnce(
    "close",
    path,
    () => Fs.closeSync(descriptor),
    (done) => Fs.close(descriptor, done)
  )

const createFileOnDisk = async ({ contents, exactMode = true, mode, path }: NewFile) => {
  const descriptor = await callOnce(
    "open",
    path,
    () => Fs.openSync(path, toCreate, mode),
    (done) => Fs.open(path, toCreate, mode, done)
  )
  try {
    for (let rest = contents; rest.length > 0;) {
      const part = rest
      const onThread = (done: Done<number>) =>
        Fs.write(descriptor, part, 0, part.length, null, done)
      const written =
        part.length > largeWrite
          ? await callOnThread("writeAll", path, onThread)
          : await callOnce("writeAll", path, () => Fs.writeSync(descriptor, part), onThread)
      rest = rest.subarray(written)
    }
    if (exactMode) {
      await callOnce(
        "chmod",
        path,
        () => Fs.fchmodSync(descriptor, mode),
        (done) => Fs.fchmod(descriptor, mode, done)
      )
    }
    await callOnThread("sync", path, (done) => Fs.fsync(descriptor, done))
  } finally {
    await close(path, descriptor)
  }
}

export const createAll: Disk["createAll"] = (entries) =>
  Effect.suspend(() => {
    const folders = entries.filter(({ _tag }) => _tag === "Folder")
    const files = entries.filter((entry) => entry._tag === "File")
    // All of them are in one new tree, so one check is enough.
    const inMemory = entries[0] !== undefined && isInMemory(entries[0].path)
    return Effect.flatMapEager(doAll(folders, 1, createFolder), () =>
      doAll(files, concurrency, (file) =>
        inMemory && isFast()
          ? callSeveral(callsOfFile, () => createFileInMemory(file))
          : createFileOnDisk(file)
      )
    )
  })

/** The calls that one sync takes. */
const callsOfSync = 3

const syncInMemory = (path: string): void => {
  const descriptor = attempt("open", path, () => Fs.openSync(path, "r"))
  try {
    attempt("sync", path, () => Fs.fsyncSync(descriptor))
  } finally {
    Fs.closeSync(descriptor)
  }
}

const syncOnDisk = async (path: string) => {
  const descriptor = await callOnce(
    "open",
    path,
    () => Fs.openSync(path, "r"),
    (done) => Fs.open(path, "r", done)
  )
  try {
    await callOnThread("sync", path, (done) => Fs.fsync(descriptor, done))
  } finally {
    await close(path, descriptor)
  }
}

/** Syncs a file or folder. */
const syncOne = (path: string, inMemory: boolean): void | Promise<void> =>
  inMemory && isFast() ? callSeveral(callsOfSync, () => syncInMemory(path)) : syncOnDisk(path)

export const syncFile: Disk["syncFile"] = (path) =>
  Effect.suspend(() => doAll([path], 1, () => syncOne(path, isInMemory(path))))

/** Ignores the errors after which a folder need not be synced. */
const ignoreUnsyncable = (refusal: unknown): void => {
  if (!(PlatformError.isPlatformError(refusal) && needsNoSync(refusal))) throw refusal
}

export const syncDirectories: Disk["syncDirectories"] = (paths) =>
  Effect.suspend(() => {
    const inMemory = paths[0] !== undefined && isInMemory(paths[0])
    return doAll(paths, concurrency, (path) => {
      try {
        return syncOne(path, inMemory)?.catch(ignoreUnsyncable)
      } catch (refusal) {
        return ignoreUnsyncable(refusal)
      }
    })
  })
