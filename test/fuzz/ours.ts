/** Our reader on a disk in memory that records every change. */
import { Cause, Effect, Exit, FileSystem, Option } from "effect"
import * as BundleArchive from "../../src/BundleArchive.ts"
import * as MemoryFileSystem from "../../src/testing/MemoryFileSystem.ts"
import * as Archives from "../support/archives.ts"
import type { Sample } from "./sample.ts"
import type { Tree } from "./Tree.ts"

export type Outcome =
  | { readonly _tag: "Accepted"; readonly tree: Tree }
  | { readonly _tag: "Refused"; readonly reason: BundleArchive.BundleArchiveError["reason"] }
  /** A guarantee for every archive was broken. */
  | { readonly _tag: "Broken"; readonly promise: string }

const parent = "/w"
const directory = `${parent}/bundle`
const fingerprint = `${parent}/fingerprint`
const before: MemoryFileSystem.Snapshot = {
  "/": { type: "Directory", mode: 0o755, mtime: 0 },
  [parent]: { type: "Directory", mode: 0o755, mtime: 0 },
  [fingerprint]: { type: "File", mode: 0o640, mtime: 0, bytes: new Uint8Array([1, 2, 3]) }
}

/** The greatest number of disk steps for an archive of a few kilobytes. */
const mostSteps = 20_000

/** The longest time for an archive on a busy machine. */
const longest = "30 seconds"

const broken = (promise: string): Outcome => ({ _tag: "Broken", promise })

/** Entries that were written or changed beside the folder. */
const outside = (snapshot: MemoryFileSystem.Snapshot) => {
  const others = Object.keys(snapshot).filter(
    (path) => path !== directory && !path.startsWith(`${directory}/`)
  )
  if (others.length !== Object.keys(before).length) return others.find((path) => !(path in before))
  const node = snapshot[fingerprint]
  return node?.type === "File" && `${node.mode} ${node.bytes}` === `${0o640} 1,2,3`
    ? undefined
    : fingerprint
}

const treeOf = (snapshot: MemoryFileSystem.Snapshot): Tree => {
  const tree: Tree = { files: new Map(), folders: new Set() }
  for (const [path, node] of Object.entries(snapshot)) {
    const name = path.slice(directory.length + 1)
    if (node.type === "File") tree.files.set(name, { mode: node.mode, content: node.bytes })
    else if (name !== "") tree.folders.add(name)
  }
  return tree
}

export const read = Effect.fnUntraced(function* (sample: Sample) {
  let steps = 0
  const disk = yield* MemoryFileSystem.make({
    tree: before,
    onStep: () => (++steps > mostSteps ? "Stop" : undefined)
  })
  const exit = yield* BundleArchive.make().pipe(
    Effect.flatMap(({ extract }) =>
      extract(Archives.chunked(sample.bytes, sample.pieces), directory)
    ),
    Effect.provideService(FileSystem.FileSystem, disk.fileSystem),
    Effect.timeoutOption(longest),
    Effect.exit
  )
  const stray = outside(disk.snapshot())
  if (stray !== undefined) return broken(`wrote ${stray}, which is outside of its folder`)
  if (Exit.isSuccess(exit)) {
    if (Option.isNone(exit.value)) return broken(`is not done after ${longest}`)
    const snapshot = disk.snapshot(directory)
    const odd = Object.values(snapshot).find(
      ({ mode, type }) => type === "SymbolicLink" || (type === "Directory" && mode !== 0o755)
    )
    return odd === undefined
      ? { _tag: "Accepted" as const, tree: treeOf(snapshot) }
      : broken(`made a ${odd.type} with mode ${odd.mode.toString(8)}`)
  }
  const left = Object.keys(disk.snapshot(directory))
  if (left.length > 0) return broken(`refused and left ${left.join(", ")}`)
  const error = Option.getOrUndefined(Cause.findErrorOption(exit.cause))
  return error?._tag === "BundleArchiveError"
    ? { _tag: "Refused" as const, reason: error.reason }
    : broken(`failed with ${Cause.pretty(exit.cause)}`)
})
