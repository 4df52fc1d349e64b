/**
 * Words that run a command in a new mount namespace with some mounted folders. The mounts end with the
 * command.
 */
import { spawnSync } from "node:child_process"
import * as Fs from "node:fs"
import { tmpdir } from "node:os"
import * as Path from "node:path"

export type Wrap = (command: ReadonlyArray<string>) => ReadonlyArray<string>

const isRoot = process.getuid?.() === 0

/** Users other than root need a user namespace to mount. */
const unshare = isRoot ? ["unshare", "-m"] : ["unshare", "-Urm"]

const inNamespace =
  (script: string, ...args: ReadonlyArray<string>): Wrap =>
  (command) => [...unshare, "sh", "-c", script, "sh", ...args, ...command]

/** Shows a folder at another path, too. */
export const bound = (from: string, to: string): Wrap =>
  inNamespace('mount --bind "$1" "$2" || exit 99; shift 2; exec "$@"', from, to)

export const readOnly = (folder: string): Wrap =>
  inNamespace(
    'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" || exit 99; shift; exec "$@"',
    folder
  )

/** Shows other contents at the paths of some files and folders. Each is given as path and source. */
export const replaced =
  (...files: ReadonlyArray<readonly [path: string, source: string]>): Wrap =>
  (command) =>
    files.reduce((inner, [path, source]) => bound(source, path)(inner), command)

export interface Image {
  /** Runs the command on the image's home, and copies `plugins/` to the folder `out`. */
  readonly within: Wrap
  readonly out: string
}

const overlay = `
image=$1 upper=$2 work=$3 home=$4 out=$5
shift 5
mount -t overlay overlay -o "lowerdir=$image,upperdir=$upper,workdir=$work${isRoot ? "" : ",userxattr"}" "$home" || exit 99
"$@"
code=$?
rm -rf "$out" && mkdir "$out" && cp -a "$home/plugins" "$out/plugins" || code=98
# The mount's own folder is closed to all but root, so that another user could not delete it.
umount "$home" && chmod 700 "$work/work"
exit $code`

/** Turns the contents of a home into an image that an overlay mount shows at the home's path. */
export const bake = (home: string): Image => {
  const [image, upper, work, out] = ["image", "upper", "work", "out"].map(
    (name) => `${home}-${name}`
  ) as [string, string, string, string]
  Fs.renameSync(home, image)
  for (const folder of [home, upper, work]) Fs.mkdirSync(folder)
  return { out, within: inNamespace(overlay, image, upper, work, home, out) }
}

const runs = ([file = "", ...args]: ReadonlyArray<string>) => spawnSync(file, args).status === 0

export const canMount = runs([...unshare, "true"])

/** Exits with 0 if the mount refuses to rename a folder of the image. */
const renames = `
const [from, to] = process.argv.slice(1)
try {
  require("node:fs").renameSync(from, to)
} catch (error) {
  process.exit(error.code === "EXDEV" ? 0 : 97)
}
process.exit(96)`

/** True if an overlay mount is possible here, and refuses to rename a folder of the image. */
export const canOverlay = (() => {
  const folder = Fs.mkdtempSync(Path.join(tmpdir(), "overlay-"))
  try {
    const home = Path.join(folder, "home")
    const plugins = Path.join(home, "plugins")
    Fs.mkdirSync(Path.join(plugins, "one"), { recursive: true })
    const { within } = bake(home)
    const [from, to] = [Path.join(plugins, "one"), Path.join(plugins, "two")]
    return runs(within([process.execPath, "-e", renames, from, to]))
  } finally {
    Fs.rmSync(folder, { recursive: true, force: true })
  }
})()
