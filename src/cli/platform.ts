/**
 * The Node services that the program uses. It loads no others, because each would slow down the
 * start.
 */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodePath from "@effect/platform-node/NodePath"
import * as NodeStdio from "@effect/platform-node/NodeStdio"
import { Effect, Layer, Terminal } from "effect"
import { ChildProcessSpawner } from "effect/process"
import * as Disk from "../internal/disk/Disk.ts"
import { nodeDisk } from "../internal/disk/nodeDisk.ts"

const unused = Effect.die(new Error("no command asks at the terminal or starts a process"))

/** Services that Effect's CLI requires, but that none of our commands uses. */
const idle = Layer.merge(
  Layer.succeed(
    Terminal.Terminal,
    Terminal.make({
      columns: Effect.succeed(80),
      rows: Effect.succeed(24),
      size: unused,
      readInput: unused,
      readLine: unused,
      display: () => unused
    })
  ),
  Layer.succeed(
    ChildProcessSpawner.ChildProcessSpawner,
    ChildProcessSpawner.make(() => unused)
  )
)

/** The cache's disk directly on Node, at a fraction of the cost of Effect's file system. */
const disk = Layer.succeed(Disk.Implementation, () => nodeDisk)

export const layer = Layer.mergeAll(
  NodeFileSystem.layer,
  NodePath.layer,
  NodeStdio.layer,
  disk,
  idle
)
