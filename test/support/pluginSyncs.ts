/**
 * The services and helpers that the tests of `PluginSync` share.
 */
import { type Duration, Effect } from "effect"
import * as PluginSync from "../../src/PluginSync.ts"
import * as TestBackend from "../../src/testing/TestBackend.ts"
import * as TestCodexPlugins from "../../src/testing/TestCodexPlugins.ts"
import { cacheOf, stagingOf } from "./homePaths.ts"

/** The folders of the home that a pass writes to. */
export const cache = cacheOf(TestCodexPlugins.root)
export const curated = `${cache}/openai-curated-remote`
export const staging = stagingOf(TestCodexPlugins.root)

interface Options extends TestBackend.Options {
  readonly concurrency?: number
  readonly retention?: Duration.Duration
}

/** Runs a test with an account of these plugins and a home in memory. */
export const provide = ({
  concurrency = PluginSync.defaultConcurrency,
  retention = PluginSync.defaultRetention,
  ...options
}: Options = {}) =>
  Effect.provide(
    TestCodexPlugins.layerWith({ ...options, services: { sync: { concurrency, retention } } })
  )

/** A plugin of the account. */
export const plugin = TestBackend.plugin

/** A pass. */
export const sync = Effect.flatMap(PluginSync.PluginSync, ({ sync }) => sync)

/** The plan of a pass. */
export const plan = Effect.flatMap(PluginSync.PluginSync, ({ plan }) => plan)

/** The backend that the passes ask. */
export const backend = TestBackend.TestBackend
