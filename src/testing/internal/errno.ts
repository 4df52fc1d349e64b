/**
 * The errors that Effect's Node layer makes from errors of the operating system.
 */
import { PlatformError } from "effect"

/** For each code: its number on Linux, libuv's message, and the tag of Effect's Node layer. */
const errnos = {
  EACCES: [13, "permission denied", "PermissionDenied"],
  EBADF: [9, "bad file descriptor", "Unknown"],
  EBUSY: [16, "resource busy or locked", "Busy"],
  EEXIST: [17, "file already exists", "AlreadyExists"],
  EFBIG: [27, "file too large", "Unknown"],
  EINVAL: [22, "invalid argument", "Unknown"],
  EIO: [5, "i/o error", "Unknown"],
  EISDIR: [21, "illegal operation on a directory", "BadResource"],
  ELOOP: [40, "too many symbolic links encountered", "BadResource"],
  EMFILE: [24, "too many open files", "Unknown"],
  ENAMETOOLONG: [36, "name too long", "Unknown"],
  ENOENT: [2, "no such file or directory", "NotFound"],
  ENOSPC: [28, "no space left on device", "Unknown"],
  ENOTDIR: [20, "not a directory", "BadResource"],
  ENOTEMPTY: [39, "directory not empty", "Unknown"],
  EPERM: [1, "operation not permitted", "PermissionDenied"],
  EROFS: [30, "read-only file system", "Unknown"],
  EXDEV: [18, "cross-device link not permitted", "Unknown"],
  // Node's own errors. They have no errno, so Effect's Node layer tags all of them "Unknown".
  ERR_FS_CP_DIR_TO_NON_DIR: [21, "Cannot overwrite non-directory with directory", "Unknown"],
  ERR_FS_CP_EINVAL: [22, "Invalid src or dest", "Unknown"],
  ERR_FS_CP_NON_DIR_TO_DIR: [20, "Cannot overwrite directory with non-directory", "Unknown"],
  ERR_FS_CP_SYMLINK_TO_SUBDIRECTORY: [22, "Cannot overwrite symlink in subdirectory", "Unknown"],
  ERR_FS_EISDIR: [21, "Path is a directory", "Unknown"]
} as const satisfies Record<string, readonly [number, string, PlatformError.SystemErrorTag]>

export type Code = keyof typeof errnos

export const codes = Object.keys(errnos) as ReadonlyArray<Code>

/** The first system call of each method that can fail, if its name differs from the method's. */
const syscalls: Readonly<Record<string, string>> = {
  copy: "cp",
  copyFile: "copyfile",
  lstat: "lstat",
  makeDirectory: "mkdir",
  makeTempDirectory: "mkdtemp",
  makeTempDirectoryScoped: "mkdtemp",
  makeTempFile: "mkdtemp",
  makeTempFileScoped: "mkdtemp",
  readAlloc: "read",
  readDirectory: "scandir",
  readDirectoryEntries: "scandir",
  readFile: "open",
  readLink: "readlink",
  realPath: "lstat",
  remove: "rm",
  sync: "fsync",
  utimes: "utime",
  writeAll: "write",
  writeFile: "open"
}

/**
 * The details of an error: the method, its first path or descriptor, and the names in its cause.
 */
interface Refusal {
  readonly code: Code
  readonly method: string
  readonly pathOrDescriptor: string | number
  readonly syscall?: string | undefined
  readonly path?: string | undefined
  readonly dest?: string | undefined
}

export const platformError = (refusal: Refusal): PlatformError.PlatformError => {
  const { code, dest, method, pathOrDescriptor } = refusal
  const [errno, text, _tag] = errnos[code]
  const syscall = refusal.syscall ?? syscalls[method] ?? method
  const path = refusal.path ?? (typeof pathOrDescriptor === "string" ? pathOrDescriptor : undefined)
  const where = path === undefined ? "" : ` '${path}'${dest === undefined ? "" : ` -> '${dest}'`}`
  const cause = Object.assign(new Error(`${code}: ${text}, ${syscall}${where}`), {
    errno: -errno,
    code,
    syscall,
    ...(path !== undefined && { path }),
    ...(dest !== undefined && { dest })
  })
  return PlatformError.systemError({
    _tag,
    module: "FileSystem",
    method,
    pathOrDescriptor,
    syscall,
    cause
  })
}
