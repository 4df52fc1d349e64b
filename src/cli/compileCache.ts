/**
 * Lets Node cache the compiled program between runs, in a folder that only this user can change.
 *
 * Node runs the code in its compile cache, no matter who wrote it. So the cache is never below the
 * shared temporary folder, which is Node's default, and without a safe folder there is no cache.
 */
import * as Fs from "node:fs"
import * as Module from "node:module"
import * as Os from "node:os"
import * as Path from "node:path"

/** The environment variables that determine the cache's folder. */
interface CacheEnvironment {
  /** The base folder for caches, as the XDG specification defines it; ignored unless absolute. */
  readonly XDG_CACHE_HOME?: string | undefined
  /** The user's home folder. */
  readonly HOME?: string | undefined
}

/** True for a folder, not a link, that belongs to this user and that nobody else may change. */
const isPrivate = (folder: string): boolean => {
  const found = Fs.lstatSync(folder)
  return found.isDirectory() && found.uid === process.getuid?.() && (found.mode & 0o022) === 0
}

const isBelow = (folder: string, parent: string): boolean =>
  folder === parent || folder.startsWith(parent.endsWith("/") ? parent : `${parent}/`)

/**
 * Creates or checks the folder for compiled code and returns its path. Undefined if there is no
 * safe folder, which only makes the next start slower.
 */
export const privateFolder = (
  env: CacheEnvironment,
  temporary: ReadonlyArray<string> = [Os.tmpdir(), "/tmp", "/var/tmp", "/dev/shm"]
): string | undefined => {
  // Windows has no owner and mode to check.
  if (process.getuid === undefined) return undefined
  const { HOME: home = "", XDG_CACHE_HOME: configured = "" } = env
  const base = Path.isAbsolute(configured)
    ? configured
    : Path.isAbsolute(home)
      ? Path.join(home, ".cache")
      : undefined
  const isTemporary = (path: string) => temporary.some((folder) => isBelow(path, folder))
  if (base === undefined || isTemporary(base)) return undefined
  try {
    Fs.mkdirSync(base, { recursive: true, mode: 0o700 })
    const real = Fs.realpathSync(base)
    if (!isPrivate(real) || isTemporary(real)) return undefined
    const folder = Path.join(real, "codex-plugins")
    try {
      Fs.mkdirSync(folder, { mode: 0o700 })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") return undefined
    }
    return isPrivate(folder) && (Fs.lstatSync(folder).mode & 0o077) === 0 ? folder : undefined
  } catch {
    return undefined
  }
}

/** Turns Node's compile cache on, if there is a safe folder for it. */
export const enable = (env: CacheEnvironment = process.env): void => {
  const folder = privateFolder(env)
  if (folder !== undefined) Module.enableCompileCache(folder)
}
