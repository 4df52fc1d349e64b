/**
 * The contract on a real disk for tests that run as root: permissions do not apply to root, so the
 * process of this file becomes another user and remains one.
 */
import { NodeFileSystem } from "@effect/platform-node"
import { beforeAll, describe } from "@effect/vitest"
import { fileSystemContract } from "./fileSystemContract.ts"

const nobody = 65_534

describe.runIf(process.platform === "linux" && process.getuid?.() === 0)(
  "Node's file system on Linux, for a user other than root",
  () => {
    beforeAll(() => {
      process.setgroups?.([])
      process.setgid?.(nobody)
      process.setuid?.(nobody)
    })

    fileSystemContract(NodeFileSystem.layer, { umask: process.umask(), heldToPermissions: true })
  }
)
