/**
 * Both implementations of the disk on a real file system.
 */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodePath from "@effect/platform-node/NodePath"
import { Effect, type FileSystem, Layer } from "effect"
import * as Fs from "node:fs"
import { join } from "node:path"
import * as Disk from "../../src/internal/disk/Disk.ts"
import { nodeDisk } from "../../src/internal/disk/nodeDisk.ts"

export type Implementation = (fs: FileSystem.FileSystem) => Disk.Disk

export const implementations: Readonly<Record<string, Implementation>> = {
  "over Effect's file system": Disk.fromFileSystem,
  "on node:fs": () => nodeDisk
}

export const platform = Layer.merge(NodeFileSystem.layer, NodePath.layer)

/** A folder that is removed with the scope. */
export const temporaryFolder = (directory: string) =>
  Effect.acquireRelease(
    Effect.sync(() => Fs.mkdtempSync(join(directory, "disk-"))),
    (folder) => Effect.sync(() => Fs.rmSync(folder, { recursive: true, force: true }))
  )
