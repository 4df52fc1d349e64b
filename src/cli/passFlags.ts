/**
 * The flags of every command that runs passes, and the services that they configure.
 */
import { Config, type Duration, type Option } from "effect"
import { Flag } from "effect/cli"
import * as PluginSync from "../PluginSync.ts"
import * as SyncPlan from "../SyncPlan.ts"
import * as flags from "./flags.ts"
import { services } from "./online.ts"

/** More at a time than this is unkind to the backend. */
const maxConcurrency = 256

/** The home, and the options of its passes. */
export const passFlags = {
  codexHome: flags.codexHome,
  concurrency: Flag.Int("concurrency").pipe(
    Flag.withMetavar("N"),
    Flag.withDescription(`Downloads at a time (default: ${PluginSync.defaultConcurrency})`),
    Flag.filter(
      (n) => n >= 1 && n <= maxConcurrency,
      () => `a number from 1 to ${maxConcurrency}`
    ),
    flags.withVariable("concurrency", (variable) => Config.Int(variable)),
    Flag.withDefault(PluginSync.defaultConcurrency)
  ),
  remove: Flag.Literals("remove", SyncPlan.removalPolicies).pipe(
    Flag.withDescription(
      "Whether to remove plugins that the account does not have: `auto` keeps them in a cache that other homes share (default: auto)"
    ),
    flags.withVariable("remove", (variable) => Config.Literals(SyncPlan.removalPolicies, variable)),
    Flag.withDefault<SyncPlan.RemovalPolicy>("auto")
  ),
  retain: flags
    .duration("retain")
    .pipe(
      Flag.withDescription("How long a replaced version is kept: `30m`, `24h`, `0` (default: 24h)"),
      Flag.withDefault(PluginSync.defaultRetention)
    ),
  seeds: Flag.String("seed").pipe(
    Flag.withMetavar("HOME"),
    Flag.withDescription(
      "Take plugins from this Codex home instead of downloading them, if it has the right version (can be repeated)"
    ),
    Flag.atLeast(0)
  ),
  wait: flags.wait
}

/** The services of a home with these options. */
export const passServices = (options: {
  readonly codexHome: Option.Option<string>
  readonly concurrency: number
  readonly remove: SyncPlan.RemovalPolicy
  readonly retain: Duration.Duration
  readonly seeds: ReadonlyArray<string>
  readonly wait: Duration.Duration
}) =>
  services(options.codexHome, {
    lock: { waitLimit: options.wait },
    seeds: options.seeds,
    sync: {
      concurrency: options.concurrency,
      removal: options.remove,
      retention: options.retain
    }
  })
