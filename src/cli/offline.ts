/**
 * The services of commands that need no network.
 */
import { Layer, Option } from "effect"
import * as CacheLock from "../CacheLock.ts"
import * as CodexHome from "../CodexHome.ts"
import * as PluginStore from "../PluginStore.ts"

/** The home of the flag, else that of the environment. */
export const home = (root: Option.Option<string>) =>
  Option.match(root, { onNone: () => CodexHome.layer, onSome: CodexHome.layerAt })

/** The store of one home, with its lock. */
export const offline = (root: Option.Option<string>, lock: CacheLock.Options = {}) =>
  PluginStore.layer.pipe(Layer.provide(CacheLock.layerWith(lock)), Layer.provide(home(root)))
