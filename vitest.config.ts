import { fileURLToPath } from "node:url"
import { defineConfig } from "vitest/config"
import { examplesPlugin } from "./test/docs/examplesPlugin.ts"

const source = (path: string) => fileURLToPath(new URL(`./src/${path}`, import.meta.url))

/** Tests that leave errors without their stack, because they make very many. */
const crash = ["test/crash/**/*.test.ts"]

/** Tests that change their process: the methods of `node:fs`, their speed, or the user. */
const ownProcess = [
  "test/internal/disk/{Disk,Disk.trace,nodeReads,slowDisk}.test.ts",
  "test/testing/FileSystemContract.user.test.ts"
]

/** Tests that are mostly about a real disk, connections or other processes: `npm run test:system`. */
const system = [
  "test/**/*.{disk,processes,terminal}.test.ts",
  // Commands on a home on disk, with a backend on a port.
  "test/cli/{completions,doctor,flags,install,json,list,names,process,prune}.test.ts",
  "test/cli/{read,recipes,run,search,secrets,seed,serve,sync,terminal,verify,watch}.test.ts",
  "test/examples/{examples,fleet}.test.ts",
  "test/{BundleArchive.programs,CodexRefresh,RemoteBundle.node,SharedCache}.test.ts",
  "test/internal/{nodeExchange,nodeHttp}.test.ts",
  "test/testing/FileSystemContract.node.test.ts"
]

/** Tests that hold in memory and on the real system, and run in `shared` and in `system`. */
const both = [
  "test/PluginSeed.test.ts",
  "test/PluginStore.test.ts",
  "test/PluginStore.{identity,install,links,local,removal}.test.ts",
  "test/testing/TestBackend.test.ts",
  "test/testing/TestBackend.{behaviours,calls}.test.ts"
]

const otherCommands = ["codex", "fleet", "homes", "torture", "bench"].map(
  (folder) => `test/${folder}/**`
)

export default defineConfig({
  plugins: [examplesPlugin],
  resolve: {
    alias: [
      { find: /^effect-codex-plugins$/, replacement: source("index.ts") },
      { find: /^effect-codex-plugins\/node$/, replacement: source("NodeCodexPlugins.ts") },
      { find: /^effect-codex-plugins\/testing$/, replacement: source("testing/index.ts") }
    ]
  },
  test: {
    // A hanging test fails, a test on a busy machine does not.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    globalSetup: "test/support/buildFolder.ts",
    // Vitest's default leaves one core idle, which is half of a machine with two.
    maxWorkers: "100%",
    projects: [
      {
        extends: true,
        test: {
          name: "shared",
          // Most files take less time than importing Effect does, so they share two processes.
          isolate: false,
          include: ["test/**/*.test.ts"],
          exclude: [...crash, ...ownProcess, ...system, ...otherCommands],
          provide: { system: "memory" }
        }
      },
      { extends: true, test: { name: "crash", isolate: false, include: crash } },
      { extends: true, test: { name: "alone", include: ownProcess } },
      {
        extends: true,
        test: {
          name: "system",
          isolate: false,
          include: [...system, ...both],
          provide: { system: "real" }
        }
      }
    ]
  }
})
