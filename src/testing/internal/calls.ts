/**
 * Calls of the disk in memory as effects: each stamps the time, and a refusal becomes the error that
 * Effect's Node layer gives.
 */
import { Effect, PlatformError } from "effect"
import * as Errno from "./errno.ts"
import * as Linux from "./linuxDisk.ts"
import { Stopped } from "./stopped.ts"

type Result<A> = Effect.Effect<A, PlatformError.PlatformError>

/** Runs calls on one disk. */
export interface Calls {
  readonly disk: Linux.Disk
  /** Calls of a method on a path or on an open file, which the error names. */
  readonly run: <A>(method: string, pathOrDescriptor: string | number, body: () => A) => Result<A>
  /** Calls of a method on paths, none of which may hold a null byte. */
  readonly onPath: <A>(method: string, paths: ReadonlyArray<string>, body: () => A) => Result<A>
}

export const badArgument = (method: string, description: string) =>
  PlatformError.badArgument({ module: "FileSystem", method, description })

export const checkInteger = (
  method: string,
  name: string,
  value: number,
  min: number,
  max: number
) => {
  if (!Number.isInteger(value) || value < min || value > max)
    throw badArgument(method, `${name} must be an integer from ${min} to ${max}, not ${value}`)
}

export const make = (disk: Linux.Disk): Calls => {
  const run: Calls["run"] = <A>(
    method: string,
    pathOrDescriptor: string | number,
    body: () => A
  ): Effect.Effect<A, PlatformError.PlatformError> =>
    Effect.clockWith((clock) => {
      if (disk.stopped) return Effect.die(new Stopped())
      disk.now = clock.currentTimeMillisUnsafe()
      try {
        return Effect.succeed(body())
      } catch (error) {
        if (error instanceof Linux.Failure)
          return Effect.fail(
            Errno.platformError({
              code: error.code,
              method,
              pathOrDescriptor,
              syscall: error.syscall,
              path: error.path,
              dest: error.dest
            })
          )
        if (PlatformError.isPlatformError(error)) return Effect.fail(error)
        throw error
      }
    })

  const onPath: Calls["onPath"] = (method, paths, body) =>
    run(method, paths[0] ?? "", () => {
      if (paths.some((path) => path.includes("\0")))
        throw badArgument(method, "a path must not hold a null byte")
      return body()
    })

  return { disk, run, onPath }
}
